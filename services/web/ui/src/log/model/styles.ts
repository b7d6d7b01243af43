// The style that each line begins in: carried over from the line before, unless somebody
// knows better. Pure.

import { carried } from "./ansi";
import { PLAIN, type Style } from "./style";

type Texts = readonly (string | undefined)[];

export class Styles {
  /** Annotation by the server, or by the beginning of an attempt: by line. */
  readonly #known = new Map<number, Style>();
  /** Worked out for the first line of a block: by block. */
  readonly #starts = new Map<number, Style>();
  /** Worked out for the lines of a block, from its first one on. */
  readonly #inside = new Map<number, Style[]>();
  readonly #size: number;
  readonly #texts: (block: number) => Texts | undefined;

  /** `size`: lines of a block. `texts`: those of a block that are here. */
  constructor(size: number, texts: (block: number) => Texts | undefined) {
    this.#size = size;
    this.#texts = texts;
  }

  clear(): void {
    this.#known.clear();
    this.#starts.clear();
    this.#inside.clear();
  }

  /** The style in force where a line begins; plain where it cannot be known. */
  at(line: number): Style {
    const k = this.#block(line);
    const index = (line - 1) % this.#size;
    const texts = this.#texts(k);
    if (!texts) return this.#known.get(line) ?? (index === 0 ? this.#start(k) : PLAIN);
    let styles = this.#inside.get(k);
    if (!styles) {
      styles = [this.#start(k)];
      this.#inside.set(k, styles);
    }
    for (let i = styles.length; i <= index; i += 1) {
      styles.push(this.#after(k, i - 1, texts[i - 1], styles[i - 1] ?? PLAIN));
    }
    return styles[index] ?? PLAIN;
  }

  /** A line begins in a style, whatever stands before it. */
  begins(line: number, style: Style): void {
    this.#known.set(line, style);
    const k = this.#block(line);
    if ((line - 1) % this.#size === 0) this.#starts.delete(k);
    for (const after of this.#starts.keys()) {
      if (after > k && this.#isWhole(after - 1)) this.#starts.delete(after);
    }
    for (const block of this.#inside.keys()) if (block >= k) this.#inside.delete(block);
  }

  /** Somebody knows which style a line begins in. */
  knows(line: number): boolean {
    return this.#known.has(line);
  }

  /** A line has come. */
  came(line: number): void {
    const styles = this.#inside.get(this.#block(line));
    const index = (line - 1) % this.#size;
    if (styles && styles.length > index + 1) styles.length = index + 1;
  }

  /** A block is forgotten: what follows keeps its colours. */
  leaves(block: number): void {
    if (this.#texts(block + 1)) this.#starts.set(block + 1, this.#start(block + 1));
    this.#inside.delete(block);
  }

  #block(line: number): number {
    return Math.floor((line - 1) / this.#size);
  }

  #isWhole(block: number): boolean {
    return this.#texts(block)?.[this.#size - 1] !== undefined;
  }

  #start(k: number): Style {
    // From where it is known, or from a hole on.
    let from = k;
    while (this.#startOf(from) === undefined && this.#isWhole(from - 1)) from -= 1;
    let style = this.#startOf(from) ?? PLAIN;
    for (; from < k; from += 1) {
      const block = from;
      this.#texts(block)?.forEach((text, i) => {
        style = this.#after(block, i, text, style);
      });
      this.#starts.set(block + 1, style);
    }
    return style;
  }

  #startOf(k: number): Style | undefined {
    return this.#known.get(k * this.#size + 1) ?? this.#starts.get(k);
  }

  /** The style behind a line of a block. */
  #after(k: number, index: number, text: string | undefined, before: Style): Style {
    const line = k * this.#size + index + 1;
    const style = this.#known.get(line) ?? before;
    return this.#known.get(line + 1) ?? (text === undefined ? style : carried(text, style));
  }
}

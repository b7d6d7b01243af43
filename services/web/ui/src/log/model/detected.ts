// Errors and warnings that lines name themselves, in the lines that came here. A bounded number of each: they lead
// the reader, and count nothing. Pure.

import { loudness } from "./level";
import { beginsTraceback } from "./traceback";

/** So many of each level are known: the first that came. */
export const MOST_DETECTED = 2_000;

export class Detected {
  /** Line → what it says of itself. */
  readonly levels = new Map<number, "warning" | "error">();
  /** Those that begin a traceback. */
  readonly tracebacks = new Set<number>();
  readonly #counts = { error: 0, warning: 0 };
  /** All lines up to this one came. */
  #through = 0;

  clear(): void {
    this.levels.clear();
    this.#counts.error = this.#counts.warning = 0;
    this.tracebacks.clear();
    this.#through = 0;
  }

  /** Lines have come. True if any of them says something new. */
  came(from: number, texts: readonly string[]): boolean {
    let changed = false;
    for (let i = 0; i < texts.length; i += 1) {
      const text = texts[i] ?? "";
      const level = loudness(text);
      if (level === null || this.#counts[level] >= MOST_DETECTED || this.levels.has(from + i))
        continue;
      this.levels.set(from + i, level);
      if (beginsTraceback(text)) this.tracebacks.add(from + i);
      this.#counts[level] += 1;
      changed = true;
    }
    if (from <= this.#through + 1) {
      this.#through = Math.max(this.#through, from + texts.length - 1);
    }
    return changed;
  }

  /** Lines of a level, in order. */
  lines(wanted: "warning" | "error"): number[] {
    const found = [...this.levels].filter(([, level]) => level === wanted);
    return found.map(([line]) => line).sort((a, b) => a - b);
  }

  /** Whether all lines before this one came, so that no other can be the first. */
  isKnownUpTo(line: number): boolean {
    return line <= this.#through + 1;
  }
}

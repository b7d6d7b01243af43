// One row of a terminal that never wraps: cells with their style, and a cursor that may
// go back. The server has the same in `row.py`. Pure.

import { PLAIN, type Style } from "./style";

export interface Run {
  readonly text: string;
  readonly style: Style;
}

/** What a cell holds that nothing was written to, or whose text was taken away. No text has it. */
const BLANK = "\u0000";
const TAB_COLUMNS = 8;
/** A column that a sequence names is at most here, or at the row's end. */
const MAX_COLUMNS = 1000;
/** Cells that may be filled, moved or blanked besides writing: nobody watches more in one line. */
const MAX_WORK = 1_000_000;

const JOINING = /[\p{Mn}\p{Me}\p{Cf}]/u;
// What Unicode calls wide: East Asian text, and what is an emoji by itself.
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|(?![\u{1f1e6}-\u{1f1ff}])\p{Emoji_Presentation}/u;

/** How many columns a character takes: 0 for one that joins what stands before it, else 1 or 2. */
export function width(character: string): number {
  if (character < "\u0300") return 1;
  if (JOINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

interface Cell {
  /** A character, or several that share a cell; empty in the columns that a wide one goes on in. */
  readonly text: string;
  readonly style: Style;
}

const NOTHING: Cell = { text: BLANK, style: PLAIN };

export class Cells {
  #cells: Cell[] = [];
  #column = 0;
  #saved = 0;
  #work = 0;

  readonly #acts: Readonly<Record<string, (count: number) => void>> = {
    "\r": () => this.#move(0),
    "\b": () => this.#move(this.#column - 1),
    G: (count) => this.#move((count || 1) - 1),
    C: (count) => this.#move(this.#column + (count || 1)),
    D: (count) => this.#move(this.#column - (count || 1)),
    s: () => this.#save(),
    "7": () => this.#save(),
    u: () => this.#move(this.#saved),
    "8": () => this.#move(this.#saved),
    K: (mode) => this.#eraseLine(mode),
    J: (mode) => this.#eraseDisplay(mode),
    P: (count) => this.#delete(count || 1),
    X: (count) => this.#blank(this.#column, this.#column + (count || 1)),
    "@": (count) => this.#insert(count || 1),
  };

  /** Do what a control character or a sequence says, with its first number (0: none). */
  act(name: string, count: number): void {
    this.#acts[name]?.(count);
  }

  write(text: string, style: Style): void {
    for (const character of text) {
      if (character === "\t") {
        this.#tab(style);
        continue;
      }
      const columns = width(character);
      if (columns === 0 && this.#joined(character)) continue;
      this.#reach();
      const end = this.#column + (columns || 1);
      this.#split(this.#column);
      this.#split(end);
      this.#cells[this.#column] = { text: character, style };
      if (columns === 2) this.#cells[this.#column + 1] = { text: "", style };
      this.#column = end;
    }
  }

  /** What is left. */
  runs(): readonly Run[] {
    let end = this.#cells.length;
    while (end > 0 && this.#cells[end - 1]?.text === BLANK) end -= 1;
    const runs: Run[] = [];
    let text = "";
    let style = PLAIN;
    for (const cell of this.#cells.slice(0, end)) {
      if (cell.style !== style && text) {
        runs.push({ text, style });
        text = "";
      }
      style = cell.style;
      text += cell.text === BLANK ? " " : cell.text;
    }
    if (text) runs.push({ text, style });
    return runs;
  }

  #tab(style: Style): void {
    const end = (Math.floor(this.#column / TAB_COLUMNS) + 1) * TAB_COLUMNS;
    // Over text it moves and writes nothing.
    if (this.#column >= this.#cells.length) {
      this.#reach();
      this.#cells.push({ text: "\t", style });
      while (this.#cells.length < end) this.#cells.push({ text: "", style });
    }
    this.#column = end;
  }

  /** Put a character into the cell before the cursor, or the first one; false if there is none. */
  #joined(character: string): boolean {
    const at = Math.max(0, this.#column - 1);
    if (at >= this.#cells.length) return false;
    const owner = this.#owner(at);
    const { text, style } = this.#cells[owner] ?? NOTHING;
    this.#cells[owner] = { text: (text === BLANK ? " " : text) + character, style };
    return true;
  }

  #owner(at: number): number {
    let owner = at;
    while (this.#cells[owner]?.text === "") owner -= 1;
    return owner;
  }

  /** Make a border of a column: a wide character on both sides of it is lost. */
  #split(at: number): void {
    if (at <= 0 || at >= this.#cells.length || this.#cells[at]?.text !== "") return;
    let end = at;
    while (end < this.#cells.length && this.#cells[end]?.text === "") end += 1;
    this.#cells.fill(NOTHING, this.#owner(at), end);
  }

  #afford(cells: number): boolean {
    this.#work += cells;
    return this.#work <= MAX_WORK;
  }

  /** Fill the row up to the cursor. */
  #reach(): void {
    const missing = this.#column - this.#cells.length;
    if (missing <= 0) return;
    if (!this.#afford(missing)) this.#column = this.#cells.length;
    while (this.#cells.length < this.#column) this.#cells.push(NOTHING);
  }

  #move(column: number): void {
    this.#column = Math.max(0, Math.min(column, Math.max(this.#cells.length, MAX_COLUMNS)));
  }

  #save(): void {
    this.#saved = this.#column;
  }

  #eraseLine(mode: number): void {
    if (mode === 2) this.#cells.length = 0;
    else this.#eraseDisplay(mode);
  }

  #eraseDisplay(mode: number): void {
    // Erasing all of it moves it out of sight elsewhere, and is no reason to lose text here.
    if (mode === 0) this.#blank(this.#column, this.#cells.length);
    else if (mode === 1) this.#blank(0, this.#column + 1);
  }

  #blank(start: number, end: number): void {
    if (start >= this.#cells.length) return;
    this.#split(start);
    if (end >= this.#cells.length) this.#cells.length = start;
    else if (this.#afford(end - start)) {
      this.#split(end);
      this.#cells.fill(NOTHING, start, end);
    }
  }

  #delete(count: number): void {
    const left = this.#cells.length - this.#column;
    if (left <= 0 || !this.#afford(left)) return;
    const end = Math.min(this.#column + count, this.#cells.length);
    this.#split(this.#column);
    this.#split(end);
    this.#cells.splice(this.#column, end - this.#column);
  }

  #insert(count: number): void {
    const blanks = Math.min(count, MAX_COLUMNS);
    const left = this.#cells.length - this.#column;
    if (left <= 0 || !this.#afford(left + blanks)) return;
    this.#split(this.#column);
    this.#cells.splice(this.#column, 0, ...Array<Cell>(blanks).fill(NOTHING));
  }
}

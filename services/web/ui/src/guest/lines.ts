// The lines that were shared, as rows: numbers as they are in the run's log, and colours.

import type { Theme } from "../log/drawing/palette";
import { draw } from "../log/drawing/rowtext";
import { carried, tokenise } from "../log/model/ansi";
import { ALONE } from "../log/model/continuation";
import { PLAIN, type Style } from "../log/model/style";
import { withCommas } from "../numbers";
import { type Item, isCut, splitLines } from "../protocol/entry";

/** More would make the page slow; older lines leave it. */
export const MOST_ROWS = 20_000;
/** No line is drawn further than this. */
const SHOWN_CHARACTERS = 4_096;

interface Row {
  /** 0: a sentence and no line. */
  readonly line: number;
  readonly text: string;
}

export class SharedLines {
  /** The line after the last one here. */
  next: number;
  /** Rows that have left the page. */
  gone = 0;
  readonly #into: HTMLElement;
  readonly #rows: Row[] = [];
  #theme: Theme;
  /** What an earlier line has switched on. */
  #style: Style = PLAIN;
  #live: HTMLElement | null = null;

  constructor(into: HTMLElement, first: number, theme: Theme) {
    this.#into = into;
    this.next = first;
    this.#theme = theme;
  }

  /** Add what is new of some items. */
  add(items: readonly Item[]): void {
    const rows: Row[] = [];
    for (const item of items) {
      if (isCut(item)) {
        if (item.to < this.next) continue;
        rows.push({ line: 0, text: cutWords(item.from, item.to) });
        this.next = item.to + 1;
      } else if (item.type === "o") {
        for (const [index, text] of splitLines(item.payload).entries()) {
          const line = item.from + index;
          if (line < this.next) continue;
          rows.push({ line, text });
          this.next = line + 1;
        }
      }
    }
    if (rows.length === 0) return;
    this.live(null);
    this.#rows.push(...rows);
    this.#into.append(...rows.map((row) => this.#drawn(row)));
    this.#forget();
  }

  /** Show the unfinished line, or none. */
  live(text: string | null): void {
    this.#live?.remove();
    this.#live = text ? this.#row("…", text, this.#style) : null;
    if (this.#live) this.#into.append(this.#live);
  }

  /** Draw all rows again in other colours. */
  paint(theme: Theme): void {
    this.#theme = theme;
    this.#style = PLAIN;
    this.#live = null;
    this.#into.replaceChildren(...this.#rows.map((row) => this.#drawn(row)));
  }

  #forget(): void {
    const more = this.#rows.length - MOST_ROWS;
    if (more <= 0) return;
    this.#rows.splice(0, more);
    this.gone += more;
    for (let i = 0; i < more; i += 1) this.#into.firstElementChild?.remove();
  }

  #drawn({ line, text }: Row): HTMLElement {
    if (line === 0) {
      const note = document.createElement("p");
      note.className = "cut";
      note.append(text);
      return note;
    }
    const row = this.#row(String(line), text, this.#style);
    this.#style = carried(text, this.#style);
    return row;
  }

  #row(name: string, text: string, style: Style): HTMLElement {
    const row = document.createElement("div");
    row.className = "row line";
    const number = document.createElement("span");
    number.className = "number";
    number.append(name);
    const shown = document.createElement("span");
    shown.className = "text";
    const more = draw(shown, tokenise(text, style).runs, [], ALONE, SHOWN_CHARACTERS, this.#theme);
    if (more > 0) shown.append(` … ${withCommas(more)} more characters`);
    row.append(number, shown);
    return row;
  }
}

function cutWords(from: number, to: number): string {
  return from === to
    ? `── line ${withCommas(from)} is no longer stored`
    : `── lines ${withCommas(from)} to ${withCommas(to)} are no longer stored`;
}

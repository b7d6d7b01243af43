// On paper: the marked lines, else those on the screen, as they stand, under the page's
// header. The list itself draws only what a screen shows.

import { downloadAddress } from "../../api";
import { withCommas } from "../../numbers";
import { LIGHT } from "../drawing/palette";
import { fill } from "../drawing/row";
import { sightOf } from "../drawing/sight";
import type { VirtualList } from "../drawing/virtuallist";
import type { LineRange } from "../model/links";
import type { LogModel } from "../model/logmodel";

export const PRINT_LINES = 5_000;

/** The lines to print: no more than paper and browser bear. */
export function printed(marked: LineRange | null, onScreen: LineRange, total: number): LineRange {
  const { first, last } = marked ?? onScreen;
  return { first, last: Math.min(last, total, first + PRINT_LINES - 1) };
}

/** What the paper says about itself. `wanted`: the last line that was marked. */
export function printWords(
  { first, last }: LineRange,
  wanted: number,
  total: number,
  missing: number,
): string {
  const which =
    first === last ? `line ${withCommas(first)}` : `lines ${withCommas(first)}-${withCommas(last)}`;
  const lines = `${which} of ${withCommas(total)}`;
  const more = wanted > last ? `, no more than ${withCommas(PRINT_LINES)} at once` : "";
  if (missing === 0) return `${lines}${more}`;
  const are = missing === 1 ? "1 of them is" : `${withCommas(missing)} of them are`;
  return `${lines}${more}; ${are} not loaded yet: print again in a moment`;
}

export class Print {
  readonly #run: string;
  readonly #model: LogModel;
  readonly #list: VirtualList;
  readonly #section = document.createElement("section");

  constructor(
    frame: HTMLElement,
    run: string,
    model: LogModel,
    list: VirtualList,
    closed: AbortSignal,
  ) {
    this.#run = run;
    this.#model = model;
    this.#list = list;
    this.#section.className = "printed";
    this.#section.setAttribute("aria-label", "Lines to print");
    window.addEventListener("beforeprint", () => frame.append(this.#fill()), { signal: closed });
    const printed = () => {
      this.#section.remove();
      this.#section.replaceChildren();
    };
    window.addEventListener("afterprint", printed, { signal: closed });
  }

  #fill(): HTMLElement {
    const { rows, lines, marked } = this.#model;
    const total = this.#model.total.peek();
    const sight = sightOf(this.#list, this.#model.count);
    const onScreen = {
      first: this.#model.lineNear(sight.first),
      last: this.#model.lineNear(sight.last),
    };
    const wanted = marked.peek() ?? onScreen;
    const range = printed(marked.peek(), onScreen, total);
    let missing = 0;
    const made: HTMLElement[] = [];
    const end = rows.rowOf(range.last);
    for (let row = rows.rowOf(range.first); row <= end && made.length < PRINT_LINES; row += 1) {
      const model = this.#model.rowModel(row);
      if (model.kind === "line" && model.text === undefined) missing += 1;
      const element = document.createElement("div");
      fill(element, model, LIGHT);
      // The row on the screen has the name.
      element.removeAttribute("id");
      made.push(element);
    }
    // Those that lie apart are fetched while they are on the screen.
    if (missing > 0 && rows.only === null) lines.need(range.first, range.last);
    const which = document.createElement("p");
    const link = document.createElement("a");
    link.href = new URL(downloadAddress(this.#run), location.href).href;
    link.textContent = "Download";
    which.append(`${printWords(range, wanted.last, total, missing)}; the whole log: `, link);
    const list = document.createElement("div");
    list.className = "rows wrapped";
    list.setAttribute("role", "list");
    list.append(...made);
    this.#section.replaceChildren(which, list);
    return this.#section;
  }
}

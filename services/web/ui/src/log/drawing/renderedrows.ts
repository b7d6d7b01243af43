// The elements of a span of rows, in order. Those that are there stay there: a
// selection or a focus in them lives on.

import type { RowModel } from "../model/rowmodel";
import type { Theme } from "./palette";
import { fill, token } from "./row";

/** What there is to draw. */
export interface RowSource {
  readonly count: number;
  /** The same for the same thing, whatever row it stands in. */
  key(row: number): string;
  rowModel(row: number): RowModel;
  /** After each drawing: the first and the last row on the screen. */
  seen(first: number, last: number): void;
}

export interface RenderedRow {
  readonly element: HTMLElement;
  readonly key: string;
  row: number;
  token: string;
}

export class RenderedRows {
  readonly element = document.createElement("div");
  /** Keys of rows that stay in the DOM wherever the view is: a selection begins there. */
  pinned: ReadonlySet<string> = new Set();
  /** The same for the row that has the focus. */
  focused: string | null = null;
  readonly #source: RowSource;
  readonly #elements = new Map<string, RenderedRow>();
  #order: RenderedRow[] = [];
  #from = 0;

  constructor(source: RowSource) {
    this.#source = source;
    this.element.className = "rows";
    this.element.setAttribute("role", "list");
  }

  /** The first row of the span. */
  get from(): number {
    return this.#from;
  }

  get length(): number {
    return this.#order.length;
  }

  get last(): RenderedRow | undefined {
    return this.#order[this.#order.length - 1];
  }

  /** The element of a row, if it is in the span. */
  at(row: number): HTMLElement | undefined {
    return this.#order[row - this.#from]?.element;
  }

  /** The element of what has a key, if it is in the span. */
  rowOf(key: string | null): HTMLElement | undefined {
    return this.#order.find((rendered) => rendered.key === key)?.element;
  }

  /** The row that an element was drawn for last; null if it is none of these. */
  rowNumber(element: HTMLElement): number | null {
    return this.#elements.get(element.dataset["key"] ?? "")?.row ?? null;
  }

  /** The rows [from, to) in the DOM, in order, besides those that stay. */
  show(from: number, to: number, theme: Theme): void {
    const first = Math.max(0, from);
    const end = Math.min(this.#source.count, to);
    const wanted = new Map<string, number>();
    for (let row = first; row < end; row += 1) wanted.set(this.#source.key(row), row);
    for (const rendered of this.#elements.values()) {
      const stays = this.pinned.has(rendered.key) || rendered.key === this.focused;
      rendered.element.classList.toggle("pinned", stays && !wanted.has(rendered.key));
      if (stays || wanted.has(rendered.key)) continue;
      rendered.element.remove();
      this.#elements.delete(rendered.key);
    }
    const order: RenderedRow[] = [];
    let cursor = this.element.firstElementChild;
    for (const [key, row] of wanted) {
      const rendered = this.#row(key, row, theme);
      order.push(rendered);
      while (cursor?.classList.contains("pinned") && this.#rowOf(cursor) < row) {
        cursor = cursor.nextElementSibling;
      }
      if (cursor === rendered.element) cursor = cursor.nextElementSibling;
      else this.element.insertBefore(rendered.element, cursor);
    }
    this.#order = order;
    this.#from = first;
  }

  #rowOf(element: Element): number {
    return this.#elements.get((element as HTMLElement).dataset["key"] ?? "")?.row ?? 0;
  }

  #row(key: string, row: number, theme: Theme): RenderedRow {
    let rendered = this.#elements.get(key);
    if (!rendered) {
      const element = document.createElement("div");
      element.dataset["key"] = key;
      rendered = { element, key, row, token: "" };
      this.#elements.set(key, rendered);
    }
    rendered.row = row;
    const model = this.#source.rowModel(row);
    const now = token(model, theme);
    if (now !== rendered.token) {
      fill(rendered.element, model, theme);
      rendered.token = now;
    }
    return rendered;
  }
}

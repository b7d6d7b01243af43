// The elements of a span of rows, in order. Those that are there stay there: a
// selection or a focus in them lives on.

import type { Theme } from "../palette";
import { fill, type RowModel, token } from "./row";

/** What there is to draw. */
export interface Rowed {
  readonly count: number;
  /** The same for the same thing, whatever row it stands in. */
  key(row: number): string;
  model(row: number): RowModel;
}

export interface Drawn {
  readonly element: HTMLElement;
  readonly key: string;
  row: number;
  token: string;
}

export class DrawnRows {
  readonly element = document.createElement("div");
  /** Keys of rows that stay in the DOM wherever the view is: a selection begins there. */
  pinned: ReadonlySet<string> = new Set();
  /** The same for the row that has the focus. */
  focused: string | null = null;
  readonly #source: Rowed;
  readonly #drawn = new Map<string, Drawn>();
  #order: Drawn[] = [];
  #from = 0;

  constructor(source: Rowed) {
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

  get last(): Drawn | undefined {
    return this.#order[this.#order.length - 1];
  }

  /** The element of a row, if it is in the span. */
  at(row: number): HTMLElement | undefined {
    return this.#order[row - this.#from]?.element;
  }

  /** The element of what has a key, if it is in the span. */
  rowOf(key: string | null): HTMLElement | undefined {
    return this.#order.find((drawn) => drawn.key === key)?.element;
  }

  /** The rows [from, to) in the DOM, in order, besides those that stay. */
  show(from: number, to: number, theme: Theme): void {
    const first = Math.max(0, from);
    const end = Math.min(this.#source.count, to);
    const wanted = new Map<string, number>();
    for (let row = first; row < end; row += 1) wanted.set(this.#source.key(row), row);
    for (const drawn of this.#drawn.values()) {
      const stays = this.pinned.has(drawn.key) || drawn.key === this.focused;
      drawn.element.classList.toggle("pinned", stays && !wanted.has(drawn.key));
      if (stays || wanted.has(drawn.key)) continue;
      drawn.element.remove();
      this.#drawn.delete(drawn.key);
    }
    const order: Drawn[] = [];
    let cursor = this.element.firstElementChild;
    for (const [key, row] of wanted) {
      const drawn = this.#row(key, row, theme);
      order.push(drawn);
      while (cursor?.classList.contains("pinned") && this.#rowOf(cursor) < row) {
        cursor = cursor.nextElementSibling;
      }
      if (cursor === drawn.element) cursor = cursor.nextElementSibling;
      else this.element.insertBefore(drawn.element, cursor);
    }
    this.#order = order;
    this.#from = first;
  }

  #rowOf(element: Element): number {
    return this.#drawn.get((element as HTMLElement).dataset["key"] ?? "")?.row ?? 0;
  }

  #row(key: string, row: number, theme: Theme): Drawn {
    let drawn = this.#drawn.get(key);
    if (!drawn) {
      const element = document.createElement("div");
      element.dataset["key"] = key;
      drawn = { element, key, row, token: "" };
      this.#drawn.set(key, drawn);
    }
    drawn.row = row;
    const model = this.#source.model(row);
    const now = token(model, theme);
    if (now !== drawn.token) {
      fill(drawn.element, model, theme);
      drawn.token = now;
    }
    return drawn;
  }
}

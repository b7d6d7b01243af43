// The row that the keyboard is at: it has the focus, is brought into sight when it
// moves, and makes ranges. It stays in the DOM while it is out of sight.

import { sightOf } from "../drawing/sight";
import type { VirtualList } from "../drawing/virtuallist";
import type { LineRange } from "../model/links";
import type { LogModel } from "../model/logmodel";
import type { Anchor, Rows } from "../model/rows";

/** The line of the next row that is one, in a direction; null if there is none. */
export function nextLine(rows: Rows, row: number, by: 1 | -1): number | null {
  for (let at = row + by; at >= 0 && at < rows.count; at += by) {
    const shown = rows.at(at);
    if (shown.kind === "line") return shown.line;
  }
  return null;
}

/** A range of which one end moves. */
export interface MovingRange {
  /** The end that stays. */
  readonly from: number;
  /** The end that moves. */
  readonly to: number;
}

export function rangeOf({ from, to }: MovingRange): LineRange {
  return { first: Math.min(from, to), last: Math.max(from, to) };
}

/** Which end of a marked range moves: the focused one, else the last. */
export function movingRangeOf(marked: LineRange | null, focused: number): MovingRange {
  if (marked?.first === focused) return { from: marked.last, to: marked.first };
  if (marked?.last === focused) return { from: marked.first, to: marked.last };
  return { from: focused, to: focused };
}

export class RowFocus {
  readonly #model: LogModel;
  readonly #list: VirtualList;
  #anchor: Anchor | null = null;
  #element: HTMLElement | null = null;

  constructor(model: LogModel, list: VirtualList) {
    this.#model = model;
    this.#list = list;
    list.rows.addEventListener("focusout", (event) => {
      // A window that loses the focus keeps the row that has it.
      if (event.target === this.#element && document.activeElement !== this.#element) {
        this.#leave();
      }
    });
  }

  /** The focused row, or null. */
  get row(): number | null {
    return this.#anchor === null ? null : this.#model.rows.rowOfAnchor(this.#anchor);
  }

  /** The line of the focused row, or the one its note stands before; null without a focus. */
  get line(): number | null {
    const { row } = this;
    return row === null ? null : this.#model.lineNear(row);
  }

  /** One row or more down or up. The first move goes to a row that can be seen. */
  move(by: number): void {
    const { count } = this.#model;
    if (count === 0) return;
    const { row } = this;
    const inSight = row !== null && this.#list.sees(row);
    const target = inSight ? row + by : this.#entry(by);
    if (by > 0 && target >= count - 1) this.#list.toEnd();
    else this.#list.pause();
    this.to(Math.min(count - 1, Math.max(0, target)));
  }

  /** Move one end of a range: the range, or null if there is no line in that direction. */
  extend(by: 1 | -1, marked: LineRange | null): LineRange | null {
    const { rows } = this.#model;
    this.#list.pause();
    const line = this.line ?? marked?.last ?? this.#model.lineNear(this.#entry(by));
    const stretch = movingRangeOf(marked, line);
    const to =
      marked === null && this.#anchor === null ? line : nextLine(rows, rows.rowOf(line), by);
    if (to === null) return null;
    this.to(rows.rowOf(to));
    return rangeOf({ from: stretch.from, to });
  }

  /** Focus a row, and bring it into sight. */
  to(row: number): void {
    this.#anchor = this.#model.rows.anchor(row);
    const key = this.#model.key(row);
    this.#list.rendered.focused = key;
    this.#list.reveal(row);
    this.#take(this.#list.rendered.at(row));
  }

  #take(element: HTMLElement | undefined): void {
    if (!element || element === this.#element) return;
    const before = this.#element;
    this.#element = element;
    element.tabIndex = 0;
    element.focus({ preventScroll: true });
    // An element that is no place for the focus any more would lose it: after the other one has it.
    before?.removeAttribute("tabindex");
  }

  #leave(): void {
    this.#element?.removeAttribute("tabindex");
    this.#element = null;
    this.#anchor = null;
    this.#list.rendered.focused = null;
  }

  /** Where the keyboard comes in: the marked line or the current hit if they can be seen, else the edge. */
  #entry(by: number): number {
    const { marked, current, rows } = this.#model;
    for (const line of [marked.peek()?.last ?? 0, current]) {
      if (line > 0 && this.#list.sees(rows.rowOf(line))) return rows.rowOf(line);
    }
    const { first, last } = sightOf(this.#list, this.#model.count);
    return this.#list.following.peek() || by < 0 ? last : first;
  }
}

// Where rows are that are in the DOM, in pixels from the viewport's top.

import type { Frame, Place } from "./position";
import type { RenderedRows } from "./renderedrows";

export interface Span {
  readonly top: number;
  readonly bottom: number;
}

/** Null if the row is not in the DOM, or nothing tells where that is. */
export function spanOf(
  rendered: RenderedRows,
  row: number,
  { row: topRow, px }: Place,
  { wrap, rowPx }: Frame,
): Span | null {
  const element = rendered.at(row);
  const first = rendered.at(topRow);
  if (!element || !first) return null;
  if (!wrap) {
    const top = (row - topRow) * rowPx - px;
    return { top, bottom: top + rowPx };
  }
  const top = element.offsetTop - first.offsetTop - px;
  return { top, bottom: top + element.offsetHeight };
}

/** Where the last row ends; infinite if it is not in the DOM. */
export function bottomOf(
  rendered: RenderedRows,
  { row, px }: Place,
  { rows, wrap, rowPx }: Frame,
): number {
  const { last } = rendered;
  if (last?.row !== rows - 1) return Number.POSITIVE_INFINITY;
  if (!wrap) return (last.row + 1 - row) * rowPx - px;
  const first = rendered.at(row)?.offsetTop ?? 0;
  return last.element.offsetTop + last.element.offsetHeight - first - px;
}

/** By how many pixels the view has to move to show a row whole, or its beginning. */
export function intoSight({ top, bottom }: Span, cover: number, viewportPx: number): number {
  if (top < cover) return top - cover;
  return Math.max(0, Math.min(bottom - viewportPx, top - cover));
}

// Where the view stands: (row, pixels inside it), and its linear image on the
// scroll bar. Browsers cap an element's height, so the bar only shows row
// numbers; the text itself is moved pixel by pixel. Pure.

/** Height of the spacer at most; every browser's cap is above it, at any pixel ratio up to 3. */
export const SPACER_PX = 8_000_000;
/** A step of the bar up to this length is a move of the text when no wheel or touch is under way. */
export const SMALL_STEP_PX = 500;
/** … and when one is. */
export const INPUT_STEP_PX = 20_000;

export interface Place {
  readonly row: number;
  /** Pixels of the row above the viewport's edge. */
  readonly px: number;
}

export interface Frame {
  readonly rows: number;
  /** Height of a row of one line. */
  readonly rowPx: number;
  readonly viewportPx: number;
  /** Running mean of the rows' heights, in `rowPx`; 1 without wrapping. */
  readonly mean: number;
  readonly wrap: boolean;
}

function natural(frame: Frame): number {
  return frame.rows * frame.rowPx * frame.mean;
}

/** Whether the bar is an image; otherwise `scrollTop` is the position itself. */
export function scaled(frame: Frame): boolean {
  return frame.wrap || natural(frame) > SPACER_PX;
}

/** Height of the spacer. `overflows`: the text is higher than the viewport, whatever the mean says. */
export function spacerHeight(frame: Frame, overflows: boolean): number {
  const height = Math.min(SPACER_PX, Math.max(natural(frame), frame.viewportPx));
  return overflows && height <= frame.viewportPx ? 2 * frame.viewportPx : height;
}

function turns(frame: Frame): number {
  return Math.max(1e-9, frame.rows - frame.viewportPx / (frame.rowPx * frame.mean));
}

/** The bar's position for a place. */
export function bar(frame: Frame, place: Place, height: number): number {
  if (!scaled(frame)) return place.row * frame.rowPx + place.px;
  const at = place.row + place.px / (frame.rowPx * frame.mean);
  return Math.min(1, Math.max(0, at / turns(frame))) * Math.max(0, height - frame.viewportPx);
}

/** The place for a position of the bar. */
export function place(frame: Frame, top: number, height: number): Place {
  if (!scaled(frame)) {
    const row = Math.floor(top / frame.rowPx);
    return clamp(frame, { row, px: top - row * frame.rowPx });
  }
  const range = Math.max(1e-9, height - frame.viewportPx);
  const at = Math.min(1, Math.max(0, top / range)) * turns(frame);
  const row = Math.floor(at);
  return clamp(frame, { row, px: (at - row) * frame.rowPx * (frame.wrap ? 0 : 1) });
}

/** Within the rows; without wrapping also so that the viewport is full. */
export function clamp(frame: Frame, wanted: Place): Place {
  if (frame.rows === 0 || wanted.row < 0) return { row: 0, px: 0 };
  if (!frame.wrap) {
    const last = Math.max(0, frame.rows * frame.rowPx - frame.viewportPx);
    if (wanted.row * frame.rowPx + wanted.px > last) {
      const row = Math.floor(last / frame.rowPx);
      return { row, px: last - row * frame.rowPx };
    }
  }
  return wanted.row >= frame.rows ? { row: frame.rows - 1, px: 0 } : wanted;
}

/** Without wrapping: the place so many pixels further. */
export function moved(frame: Frame, from: Place, by: number): Place {
  const top = from.px + by;
  const rows = Math.floor(top / frame.rowPx);
  return clamp(frame, { row: from.row + rows, px: top - rows * frame.rowPx });
}

/** Without wrapping: the place at which the last row is whole at the lower edge. */
export function end(frame: Frame): Place {
  return clamp(frame, { row: frame.rows, px: 0 });
}

/** With wrapping: the place so many pixels further. `last`: the last row. */
export function movedWrapped(
  from: Place,
  by: number,
  last: number,
  heightOf: (row: number) => number,
): Place {
  let { row } = from;
  let px = from.px + by;
  while (px < 0 && row > 0) {
    row -= 1;
    px += heightOf(row);
  }
  while (row < last && px >= heightOf(row)) {
    px -= heightOf(row);
    row += 1;
  }
  return { row, px: Math.max(0, px) };
}

/** With wrapping: the place at which the last of `count` rows is whole at the lower edge. `from`: the first row whose height is known. */
export function endWrapped(
  count: number,
  from: number,
  viewportPx: number,
  heightOf: (row: number) => number,
): Place {
  let over = -viewportPx;
  let row = count;
  while (row > from && over < 0) {
    row -= 1;
    over += heightOf(row);
  }
  return { row: Math.max(0, row), px: Math.max(0, over) };
}

export type Move = "own" | "text" | "end" | "thumb";

/** What a scroll event means. `expected`: what we wrote last, NaN if nothing. */
export function meaning(
  top: number,
  before: number,
  expected: number,
  input: boolean,
  max: number,
): Move {
  if (Math.abs(top - expected) < 1.5) return "own";
  if (Math.abs(top - before) <= (input ? INPUT_STEP_PX : SMALL_STEP_PX)) return "text";
  return top >= max - 1 ? "end" : "thumb";
}

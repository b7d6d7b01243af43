// The scroll bar and the place it shows.

import { describe, expect, test } from "vitest";
import {
  bar,
  clamp,
  end,
  endWrapped,
  type Frame,
  meaning,
  moved,
  movedWrapped,
  place,
  SPACER_PX,
  scaled,
  spacerHeight,
} from "../src/log/drawing/position";

function frame(rows: number, wrap = false, mean = 1): Frame {
  return { rows, rowPx: 19, viewportPx: 760, mean, wrap };
}

describe.each([1, 47, 444_444, 2_000_000, 50_000_000])("%d rows", (rows) => {
  test.each([false, true])("row → bar → row, wrapped: %s", (wrap) => {
    const made = frame(rows, wrap, wrap ? 2.5 : 1);
    const height = spacerHeight(made, rows > 40);
    expect(height).toBeLessThanOrEqual(SPACER_PX);
    const last = Math.max(0, rows - Math.ceil(760 / 19 / made.mean));
    for (let i = 0; i <= 200; i += 1) {
      const row = Math.floor((last * i) / 200);
      const top = bar(made, { row, px: 0 }, height);
      // Half a pixel of the bar is what a browser may round.
      const pixel = scaled(made) ? rows / (height - 760 + 1e-9) : 0;
      expect(Math.abs(place(made, top, height).row - row)).toBeLessThanOrEqual(
        Math.ceil(pixel) + 1e-6,
      );
    }
  });
});

test("the first and the last row can be reached, and nothing beyond", () => {
  const made = frame(2_000_000);
  const height = spacerHeight(made, true);
  expect(place(made, 0, height)).toEqual({ row: 0, px: 0 });
  expect(place(made, height - 760, height).row).toBe(2_000_000 - 40);
  expect(bar(made, { row: 1_999_960, px: 0 }, height)).toBeCloseTo(height - 760, 3);
  expect(clamp(made, { row: 5_000_000, px: 3 }).row).toBe(1_999_960);
  expect(clamp(made, { row: -3, px: 3 })).toEqual({ row: 0, px: 0 });
});

test("a short log is not scaled", () => {
  const made = frame(300);
  expect(scaled(made)).toBe(false);
  expect(spacerHeight(made, true)).toBe(5700);
  expect(place(made, 100, 5700)).toEqual({ row: 5, px: 5 });
  expect(spacerHeight(frame(2, true), true)).toBe(1520);
});

test("moves are pixel by pixel", () => {
  const made = frame(2_000_000);
  let at = { row: 1000, px: 0 };
  for (let i = 0; i < 60; i += 1) {
    const before = at;
    at = moved(made, at, 240);
    const rows = at.row - before.row;
    expect(rows === 12 || rows === 13).toBe(true);
  }
  expect(at.row * 19 + at.px).toBe(1000 * 19 + 60 * 240);
  expect(moved(made, { row: 0, px: 5 }, -100)).toEqual({ row: 0, px: 0 });
});

test("what a scroll event means", () => {
  expect(meaning(500, 400, 500.4, false, 9000)).toBe("own");
  expect(meaning(500, 400, Number.NaN, false, 9000)).toBe("text");
  expect(meaning(5000, 400, Number.NaN, false, 9000)).toBe("thumb");
  expect(meaning(5000, 400, Number.NaN, true, 9000)).toBe("text");
  expect(meaning(9000, 400, Number.NaN, false, 9000)).toBe("end");
});

test("the end has the last row whole at the lower edge", () => {
  expect(end(frame(100))).toEqual({ row: 60, px: 0 });
  expect(end({ ...frame(100), viewportPx: 750 })).toEqual({ row: 60, px: 10 });
  expect(end(frame(3))).toEqual({ row: 0, px: 0 });
});

describe("wrapped", () => {
  // Rows of 10, 20, 30 … pixels.
  const heightOf = (row: number) => 10 * (row + 1);

  test("a move passes rows of any height, and stops at the first and in the last", () => {
    const moves = [0, 9, 10, 29, 30, 59, 60, 1_000].map((by) =>
      movedWrapped({ row: 0, px: 0 }, by, 3, heightOf),
    );
    expect(moves.map(({ row, px }) => [row, px])).toEqual([
      [0, 0],
      [0, 9],
      [1, 0],
      [1, 19],
      [2, 0],
      [2, 29],
      [3, 0],
      [3, 940],
    ]);
    expect(movedWrapped({ row: 2, px: 5 }, -15, 3, heightOf)).toEqual({ row: 1, px: 10 });
    expect(movedWrapped({ row: 1, px: 5 }, -100, 3, heightOf)).toEqual({ row: 0, px: 0 });
  });

  test("the end is as many rows up as fill the viewport, no further than their heights are known", () => {
    expect(endWrapped(4, 0, 60, heightOf)).toEqual({ row: 2, px: 10 });
    expect(endWrapped(4, 3, 60, heightOf)).toEqual({ row: 3, px: 0 });
    expect(endWrapped(4, 0, 1_000, heightOf)).toEqual({ row: 0, px: 0 });
    expect(endWrapped(0, 0, 60, heightOf)).toEqual({ row: 0, px: 0 });
  });
});

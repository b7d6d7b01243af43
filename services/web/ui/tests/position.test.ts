// The scroll bar and the place it shows.

import { describe, expect, test } from "vitest";
import {
  bar,
  clamp,
  type Frame,
  meaning,
  moved,
  place,
  RUNWAY_PX,
  runway,
  scaled,
} from "../src/log/position";

function frame(rows: number, wrap = false, mean = 1): Frame {
  return { rows, rowPx: 19, portPx: 760, mean, wrap };
}

describe.each([1, 47, 444_444, 2_000_000, 50_000_000])("%d rows", (rows) => {
  test.each([false, true])("row → bar → row, wrapped: %s", (wrap) => {
    const made = frame(rows, wrap, wrap ? 2.5 : 1);
    const height = runway(made, rows > 40);
    expect(height).toBeLessThanOrEqual(RUNWAY_PX);
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
  const height = runway(made, true);
  expect(place(made, 0, height)).toEqual({ row: 0, px: 0 });
  expect(place(made, height - 760, height).row).toBe(2_000_000 - 40);
  expect(bar(made, { row: 1_999_960, px: 0 }, height)).toBeCloseTo(height - 760, 3);
  expect(clamp(made, { row: 5_000_000, px: 3 }).row).toBe(1_999_960);
  expect(clamp(made, { row: -3, px: 3 })).toEqual({ row: 0, px: 0 });
});

test("a short log is not scaled", () => {
  const made = frame(300);
  expect(scaled(made)).toBe(false);
  expect(runway(made, true)).toBe(5700);
  expect(place(made, 100, 5700)).toEqual({ row: 5, px: 5 });
  expect(runway(frame(2, true), true)).toBe(1520);
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

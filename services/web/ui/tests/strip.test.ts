// The strip beside the scroll bar: which pixel rows are marked.

import { describe, expect, test } from "vitest";
import { pixels } from "../src/log/drawing/strip";

/** The first line of each of so many pixel rows, as for a log without notes and folds. */
function edges(lines: number, height: number): number[] {
  const made = Array.from({ length: height }, (_, y) => Math.floor((y / height) * lines) + 1);
  return [...made, Number.POSITIVE_INFINITY];
}

describe("pixel rows", () => {
  test("are marked once for many lines", () => {
    const lines = Array.from({ length: 1_000 }, (_, i) => 500_001 + i);
    expect(pixels(lines, edges(1_000_000, 100))).toEqual([50]);
  });

  test("agree with looking at every line", () => {
    const [total, height] = [12_345, 700];
    const lines = Array.from({ length: 300 }, (_, i) => ((i * 7_919) % total) + 1);
    lines.sort((a, b) => a - b);
    const bounds = edges(total, height);
    const naive = new Set(lines.map((line) => bounds.findLastIndex((edge) => edge <= line)));
    expect(pixels(lines, bounds)).toEqual([...naive].sort((a, b) => a - b));
  });

  test("of a short log: one for each line, the first that shows it", () => {
    expect(pixels([1, 2, 3], edges(3, 9))).toEqual([0, 3, 6]);
    expect(pixels([], edges(3, 9))).toEqual([]);
  });

  test("hold what lies in a fold", () => {
    // Lines 11-90 are folded: the pixel of line 10 stands for them.
    expect(pixels([50, 95], [1, 10, 91, 96, Number.POSITIVE_INFINITY])).toEqual([1, 2]);
  });
});

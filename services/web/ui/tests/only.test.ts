// Only some lines of a log: a row each, and the place of every other line between them.

import { describe, expect, test } from "vitest";
import { Rows } from "../src/log/model/rows";

function rowsOf(lines: number, only: readonly number[] | null): Rows {
  const rows = new Rows();
  rows.grow(lines);
  rows.live = 1;
  rows.only = only;
  return rows;
}

describe("only some lines", () => {
  test("have a row each, and nothing else has", () => {
    const rows = rowsOf(100, [3, 50, 51]);
    expect(rows.count).toBe(3);
    expect([0, 1, 2].map((row) => rows.at(row))).toEqual(
      [3, 50, 51].map((line) => ({ kind: "line", line })),
    );
    rows.grow(200);
    expect(rows.count).toBe(3);
    expect([rows.hidden(50), rows.hidden(52)]).toEqual([false, true]);
  });

  test("a hidden line is where the next one is shown", () => {
    const rows = rowsOf(100, [3, 50, 51]);
    expect([1, 3, 4, 50, 51, 99].map((line) => rows.rowOf(line))).toEqual([0, 0, 1, 1, 2, 2]);
    expect(rows.rowOfAnchor({ line: 40 })).toBe(1);
  });

  test("those between two lines", () => {
    const rows = rowsOf(100, [3, 50, 51]);
    expect(rows.onlyBetween(3, 50)).toEqual([3, 50]);
    expect(rows.onlyBetween(4, 49)).toEqual([]);
    expect(rowsOf(100, null).onlyBetween(1, 9)).toBeNull();
  });

  test("none at all is an empty list, and the whole log comes back", () => {
    const rows = rowsOf(100, []);
    expect([rows.count, rows.rowOf(7)]).toEqual([0, 0]);
    rows.only = null;
    expect([rows.count, rows.rowOf(7)]).toEqual([101, 6]);
    rows.only = [1];
    rows.clear();
    expect(rows.only).toBeNull();
  });
});

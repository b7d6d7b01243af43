// The focused row and the ranges it makes.

import { describe, expect, test } from "vitest";
import { type Note, Rows } from "../src/log/model/rows";
import { movingRangeOf, nextLine, rangeOf } from "../src/log/tools/focus";

function note(at: number, seq: number): Note {
  const id = { attempt: 1, seq };
  return { kind: "event", id, at, to: at - 1, text: "", level: "note", t: 0, group: false };
}

describe("the next line", () => {
  const rows = new Rows();
  rows.grow(10);
  rows.add([note(4, 1), note(4, 2), note(11, 3)]);

  test("lies behind the notes between", () => {
    expect(nextLine(rows, rows.rowOf(3), 1)).toBe(4);
    expect(nextLine(rows, rows.rowOf(4), -1)).toBe(3);
  });

  test("ends with the log", () => {
    expect(nextLine(rows, rows.rowOf(1), -1)).toBeNull();
    expect(nextLine(rows, rows.count - 2, 1)).toBeNull();
  });

  test("is behind what is folded", () => {
    rows.fold([{ first: 6, last: 8, after: { attempt: 1, seq: 2 }, before: null }]);
    expect(nextLine(rows, rows.rowOf(5), 1)).toBe(9);
  });
});

describe("a range", () => {
  test("begins at the focused line", () => {
    expect(movingRangeOf(null, 7)).toEqual({ from: 7, to: 7 });
    expect(movingRangeOf({ first: 20, last: 30 }, 7)).toEqual({ from: 7, to: 7 });
  });

  test("moves the end that has the focus, past the other one, too", () => {
    expect(movingRangeOf({ first: 4, last: 9 }, 9)).toEqual({ from: 4, to: 9 });
    expect(movingRangeOf({ first: 4, last: 9 }, 4)).toEqual({ from: 9, to: 4 });
    expect(rangeOf({ from: 9, to: 4 })).toEqual({ first: 4, last: 9 });
    expect(rangeOf({ from: 4, to: 4 })).toEqual({ first: 4, last: 4 });
  });
});

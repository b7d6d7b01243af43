// Long lines, which are stored in several.

import { expect, test } from "vitest";
import { contextOf, spansWithin } from "../src/log/model/continuation";

test("what lies over the cuts of a long line belongs to each of its pieces", () => {
  const texts = ["\u001b[1mab", "c\u001b[0md\r", "ef", "g"];
  const lines = {
    get: (line: number) => texts[line - 1],
    continues: (line: number) => line === 1 || line === 2,
  };
  const contexts = [1, 2, 3, 4].map((line) => contextOf(lines, line));
  expect(contexts).toEqual([
    { before: "", after: "cd" },
    { before: "ab", after: "ef" },
    { before: "cd", after: "" },
    { before: "", after: "" },
  ]);
  expect(
    spansWithin(
      [
        [1, 3],
        [3, 4],
        [9, 12],
      ],
      2,
      10,
    ),
  ).toEqual([
    [0, 1],
    [1, 2],
    [7, 8],
  ]);
  expect(spansWithin([[0, 2]], 2, 4)).toEqual([]);
});

// Finding text: what matches, where, and what was searched.

import { describe, expect, test } from "vitest";
import vectors from "../../../../tests/support/find_vectors.json";
import { answers, BadQuery, findWords, Hits, matcher, Ranges } from "../src/log/model/search";

describe("searching", () => {
  test.each([
    [
      "Err",
      false,
      false,
      "error ERR",
      [
        [0, 3],
        [6, 9],
      ],
    ],
    ["Err", false, true, "error Err", [[6, 9]]],
    [
      "e.r",
      true,
      false,
      "eXr ear",
      [
        [0, 3],
        [4, 7],
      ],
    ],
    ["x*", true, false, "axxb", [[1, 3]]],
    ["a.b", false, false, "a.b axb", [[0, 3]]],
  ])("%s (regex %s, case %s) in %s", (text, regex, matchCase, line, spans) => {
    expect(matcher({ text, regex, matchCase })(line)).toEqual(spans);
  });

  test.each(vectors)("in %j %j (case %s)", (line, text, matchCase, spans) => {
    const match = matcher({ text: String(text), regex: false, matchCase: matchCase === true });
    expect(match(String(line))).toEqual(spans);
  });

  test("bad expressions are refused with a sentence", () => {
    for (const text of ["(", "(a+)+", "(a|b*)*", "[z-a]"]) {
      expect(() => matcher({ text, regex: true, matchCase: false })).toThrow(BadQuery);
    }
  });

  test("hits are walked in order, round the ends", () => {
    const found = new Hits();
    for (const line of [50, 10, 30, 10]) found.add(line);
    expect(found.lines).toEqual([10, 30, 50]);
    expect([
      found.next(10, true),
      found.next(50, true),
      found.next(10, false),
      found.next(31, false),
    ]).toEqual([30, 10, 50, 30]);
    expect(new Hits().next(1, true)).toBeNull();
  });

  test("ranges join", () => {
    const ranges = new Ranges();
    ranges.add(1, 10);
    ranges.add(20, 30);
    ranges.add(11, 19);
    ranges.add(5, 4);
    expect(ranges.all).toEqual([[1, 30]]);
    expect([ranges.total, ranges.has(30), ranges.has(31)]).toEqual([30, true, false]);
  });

  test("what was searched is said", () => {
    const found = new Hits();
    found.searched.add(1, 2000);
    expect(findWords(found, null, 3000, false)).toBe("no hit · searched lines 1-2,000");
    found.add(7);
    found.add(9);
    expect(findWords(found, 9, 3000, true)).toBe("hit 2 of at least 2 · still searching");
    found.searched.add(2001, 3000);
    expect(findWords(found, 9, 3000, false)).toBe("hit 2 of 2 · searched all lines");
  });

  test("the server's stream may be split anywhere", () => {
    const stream = '{"line":4,"spans":[[0,2]]}\n{"searched":[1,9]}\n{"done":true,"hits":1}\n';
    for (let i = 0; i < stream.length; i += 1) {
      const buffer = { rest: "" };
      const all = [...answers(buffer, stream.slice(0, i)), ...answers(buffer, stream.slice(i))];
      expect(all).toEqual([
        { line: 4, spans: [[0, 2]] },
        { searched: [1, 9] },
        { done: true, hits: 1 },
      ]);
    }
  });

  test("an expression is left to the server where it could take long", () => {
    const match = matcher({ text: "b+$", regex: true, matchCase: false });
    expect(match(`${"a".repeat(4_095)}b`)).toEqual([[4_095, 4_096]]);
    expect(match(`${"a".repeat(4_096)}b`)).toBeNull();
    const text = matcher({ text: "b", regex: false, matchCase: false });
    expect(text(`${"a".repeat(100_000)}b`)).toEqual([[100_000, 100_001]]);
  });
});

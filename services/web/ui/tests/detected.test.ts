// Errors and warnings among the lines that came: known by their words, and of each a bounded number.

import { describe, expect, test } from "vitest";
import { Detected, MOST_DETECTED } from "../src/log/model/detected";

describe("what lines say of themselves", () => {
  test("is known once, in order", () => {
    const detected = new Detected();
    expect(detected.came(11, ["ERROR late", "fine", "WARNING late"])).toBe(true);
    expect(detected.came(1, ["fine", "[error] early"])).toBe(true);
    expect(detected.came(1, ["fine", "[error] early"])).toBe(false);
    expect(detected.lines("error")).toEqual([2, 11]);
    expect(detected.lines("warning")).toEqual([13]);
    detected.clear();
    expect(detected.levels.size).toBe(0);
  });

  const LOGGED = ["ERROR it broke", "Traceback (most recent call last):", "ValueError: no"];

  test.each([
    ["at once", [[5, LOGGED]]],
    [
      "in two entries",
      [
        [5, LOGGED.slice(0, 1)],
        [6, LOGGED.slice(1)],
      ],
    ],
    [
      "backwards",
      [
        [6, LOGGED.slice(1)],
        [5, LOGGED.slice(0, 1)],
      ],
    ],
  ] as [string, [number, string[]][]][])(
    "a traceback right below an error is a part of it, read %s",
    (_, entries) => {
      const detected = new Detected();
      for (const [from, texts] of entries)
        expect(detected.came(from, texts)).toBe(from === 5 || entries[0]?.[0] === 6);
      expect(detected.lines("error")).toEqual([5]);
      detected.came(5, LOGGED);
      expect(detected.lines("error")).toEqual([5]);
    },
  );

  test("other tracebacks are errors of their own", () => {
    const detected = new Detected();
    const [error = "", ...traceback] = LOGGED;
    detected.came(1, ["WARNING odd", ...traceback, "", ...traceback, error, "", ...traceback]);
    expect(detected.lines("error")).toEqual([2, 5, 7, 9]);
  });

  test("is the first if all lines before it came", () => {
    const detected = new Detected();
    detected.came(11, ["ERROR late"]);
    expect(detected.isKnownUpTo(11)).toBe(false);
    detected.came(1, Array<string>(10).fill("fine"));
    expect(detected.isKnownUpTo(11)).toBe(true);
    detected.clear();
    expect([detected.isKnownUpTo(1), detected.isKnownUpTo(2)]).toEqual([true, false]);
  });

  test("is bounded: many warnings leave room for errors", () => {
    const detected = new Detected();
    detected.came(1, Array<string>(3 * MOST_DETECTED).fill("WARNING again"));
    expect(detected.came(90_000, ["ERROR at last"])).toBe(true);
    expect(detected.levels.size).toBe(MOST_DETECTED + 1);
    detected.clear();
    expect(detected.came(1, ["WARNING again"])).toBe(true);
  });
});

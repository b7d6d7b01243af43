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

  test("begins a traceback", () => {
    const detected = new Detected();
    detected.came(1, ["ERROR it broke", "Traceback (most recent call last):", "ValueError: no"]);
    expect([detected.lines("error"), [...detected.tracebacks]]).toEqual([[1, 2], [2]]);
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

// The time column.

import { describe, expect, test } from "vitest";
import { elapsed, nextMode, timeBeside, timeText } from "../src/log/model/times";

describe("times", () => {
  test.each([
    [3400, "3.4 s"],
    [-3400, "-3.4 s"],
    [59_960, "1:00.0"],
    [123_400, "2:03.4"],
    [3_723_400, "1:02:03.4"],
  ])("%d ms is %s", (ms, words) => {
    expect(elapsed(ms)).toBe(words);
  });

  test("all that there is to say beside a line", () => {
    const noon = new Date(2026, 10, 30, 12, 0, 1, 5).getTime();
    expect(timeBeside(noon, noon - 3_400)).toBe("12:00:01.005 · 3.4 s");
    expect(timeBeside(noon, noon - 86_400_000)).toBe("2026-11-30 12:00:01.005 · 24:00:00.0");
    expect(timeBeside(noon, null)).toBe("2026-11-30 12:00:01.005");
  });

  test("modes go round", () => {
    expect(nextMode("off")).toBe("clock");
    expect(nextMode("gap")).toBe("off");
    expect(timeText("off", 5, 0, 0)).toBe("");
    expect(timeText("clock", 5, 0, 0)).toMatch(/^\d\d:\d\d:\d\d\.005$/);
    expect(timeText("since start", 65_000, 5_000, 0)).toBe("1:00.0");
    expect(timeText("gap", 5_000, 0, 3_000)).toBe("+2.0 s");
    expect(timeText("gap", 3_010, 0, 3_000)).toBe("");
    expect(timeText("clock", null, 0, 0)).toBe("");
  });
});

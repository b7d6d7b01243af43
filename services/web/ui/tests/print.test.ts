// What is printed, and what the paper says about it.

import { describe, expect, test } from "vitest";
import { PRINT_LINES, printed, printWords } from "../src/log/tools/print";

const onScreen = { first: 100, last: 130 };

describe("printed is", () => {
  test("what is marked, else what is on the screen", () => {
    expect(printed(null, onScreen, 1_000)).toEqual(onScreen);
    expect(printed({ first: 5, last: 900 }, onScreen, 1_000)).toEqual({ first: 5, last: 900 });
  });

  test("no line that is not written, and no more than paper bears", () => {
    expect(printed({ first: 5, last: 900 }, onScreen, 700).last).toBe(700);
    const { first, last } = printed({ first: 11, last: 2_000_000 }, onScreen, 2_000_000);
    expect(last - first + 1).toBe(PRINT_LINES);
  });
});

test("the paper says what it holds, and what it does not", () => {
  expect(printWords({ first: 7, last: 7 }, 7, 10, 0)).toBe("line 7 of 10");
  expect(printWords(onScreen, 130, 48_211, 0)).toBe("lines 100-130 of 48,211");
  expect(printWords({ first: 1, last: 5_000 }, 9_000, 48_211, 0)).toBe(
    "lines 1-5,000 of 48,211, no more than 5,000 at once",
  );
  expect(printWords(onScreen, 130, 200, 3)).toBe(
    "lines 100-130 of 200; 3 of them are not loaded yet: print again in a moment",
  );
});

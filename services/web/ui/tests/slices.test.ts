// Long work in short slices.

import { afterEach, describe, expect, test, vi } from "vitest";
import { inSlices, runToEnd, SLICE_MS } from "../src/slices";

function* counting(to: number, each: () => void = () => {}): Generator<void, number> {
  let sum = 0;
  for (let i = 1; i <= to; i += 1) {
    each();
    sum += i;
    yield;
  }
  return sum;
}

afterEach(() => vi.restoreAllMocks());

describe("work", () => {
  test("has the same outcome at once and in slices", async () => {
    expect(runToEnd(counting(1_000))).toBe(500_500);
    expect(await inSlices(counting(1_000))).toBe(500_500);
    expect(await inSlices(counting(0))).toBe(0);
  });

  test("lets others have their turn when a slice is over", async () => {
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    let turns = 0;
    let over = false;
    const others = () => {
      turns += 1;
      if (!over) setTimeout(others, 0);
    };
    setTimeout(others, 0);
    // Each step takes a quarter of a slice.
    await inSlices(
      counting(40, () => {
        now += SLICE_MS / 4;
      }),
    );
    over = true;
    expect(turns).toBeGreaterThanOrEqual(9);
  });

  test("that fails, fails", async () => {
    const work = (function* (): Generator<void, void> {
      yield;
      throw new RangeError("no");
    })();
    await expect(inSlices(work)).rejects.toThrow(RangeError);
  });
});

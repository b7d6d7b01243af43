// The store of lines: what stays, what goes, what is fetched.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BLOCK_LINES } from "../src/log/model/lineblocks";
import { Lines } from "../src/log/model/lines";
import { PLAIN } from "../src/log/model/style";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const never = () => new Promise<number>(() => {});

function texts(from: number, n: number): string[] {
  return Array.from({ length: n }, (_, i) => `line ${from + i}`.padEnd(80, "."));
}

describe("lines", () => {
  test("come back as they were put, with their time", () => {
    const lines = new Lines(never);
    lines.put(490, texts(490, 30), 1000);
    lines.put(520, texts(520, 3), 2000, true);
    expect(lines.get(490)).toContain("line 490.");
    expect(lines.get(519)).toContain("line 519.");
    expect(lines.get(489)).toBeUndefined();
    expect([lines.time(490), lines.time(510), lines.time(521)]).toEqual([1000, 1000, 2000]);
    expect([lines.continues(521), lines.continues(522)]).toEqual([false, true]);
    const before = lines.bytes;
    lines.put(495, texts(495, 10), 1000);
    expect(lines.bytes).toBe(before);
  });

  test("carry colours over lines and blocks", () => {
    const lines = new Lines(never);
    const all = texts(1, 2 * BLOCK_LINES);
    all[BLOCK_LINES - 1] = "\u001b[31mred";
    all[BLOCK_LINES + 9] = "\u001b[0m";
    lines.put(1, all, 0);
    expect(lines.style(BLOCK_LINES)).toEqual(PLAIN);
    expect(lines.style(BLOCK_LINES + 1).fg).toBe(1);
    expect(lines.style(BLOCK_LINES + 10).fg).toBe(1);
    expect(lines.style(BLOCK_LINES + 11)).toBe(PLAIN);
  });

  test("a line that comes later changes the colours behind it", () => {
    const lines = new Lines(never);
    lines.put(3, ["x"], 0);
    expect(lines.style(3)).toBe(PLAIN);
    lines.put(1, ["\u001b[32m", "y"], 0);
    expect(lines.style(3).fg).toBe(2);
  });

  test("begin in the style that the server knew", () => {
    const lines = new Lines(never);
    lines.styles.begins(498, { ...PLAIN, fg: 3 });
    lines.put(498, ["a", "b", "c\u001b[34m", "d"], 0);
    expect([498, 500, 501].map((line) => lines.style(line).fg)).toEqual([3, 3, 4]);
  });

  test("are bounded; the screen, the end and what is pinned stay", () => {
    const budget = 1_000_000;
    const lines = new Lines(never, budget);
    lines.pin((block) => block === 7);
    for (let from = 1; from <= 100_000; from += 100) {
      if (from > BLOCK_LINES) lines.seen(1, 40);
      lines.put(from, texts(from, 100), 0);
      expect(lines.bytes).toBeLessThanOrEqual(budget);
    }
    expect(lines.get(1)).toBeDefined();
    expect(lines.get(7 * BLOCK_LINES + 1)).toBeDefined();
    expect(lines.get(20 * BLOCK_LINES + 1)).toBeUndefined();
    for (let line = 100_000 - 3 * BLOCK_LINES; line <= 100_000; line += 1) {
      expect(lines.get(line)).toBeDefined();
    }
  });

  test("the newest wish is fetched after a moment, in whole blocks", async () => {
    const asked: [number, number][] = [];
    const lines: Lines = new Lines(async (from, limit) => {
      asked.push([from, limit]);
      lines.put(from, texts(from, limit), 0);
      return from + limit;
    });
    lines.want(10_100, 10_140);
    lines.want(20_480, 20_520);
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(40);
    expect(asked).toEqual([[20_001, 1000]]);
    expect(lines.get(20_520)).toBeDefined();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toHaveLength(1);
  });

  test("a window that ended early is gone on with", async () => {
    const asked: number[] = [];
    const lines: Lines = new Lines(async (from) => {
      asked.push(from);
      lines.put(from, texts(from, 200), 0);
      return from + 200;
    });
    lines.want(400, 450);
    await vi.advanceTimersByTimeAsync(500);
    expect(asked).toEqual([1, 400]);
  });

  test("a request the reader has left is aborted", async () => {
    const signals: AbortSignal[] = [];
    const lines = new Lines((_from, _limit, signal) => {
      signals.push(signal);
      return new Promise<number>(() => {});
    });
    lines.want(1, 40);
    await vi.advanceTimersByTimeAsync(40);
    lines.want(100_000, 100_040);
    await vi.advanceTimersByTimeAsync(40);
    expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
    lines.clear();
    expect(signals[1]?.aborted).toBe(true);
  });

  test.each([0, 20, 500])(
    "however fast somebody scrolls, the server's limit is far: answers after %i ms",
    async (ms) => {
      let asked = 0;
      const lines: Lines = new Lines(async (from, limit, signal) => {
        asked += 1;
        await new Promise((resolve) => setTimeout(resolve, ms));
        signal.throwIfAborted();
        lines.put(from, texts(from, limit), 0);
        return from + limit;
      });
      // RUNTAIL_LIMIT_REQUESTS: 300 requests within 6 s.
      for (let passed = 0; passed < 6_000; passed += 4) {
        lines.want(1 + passed * 1_000, 41 + passed * 1_000);
        await vi.advanceTimersByTimeAsync(4);
      }
      expect(asked).toBeGreaterThan(100);
      expect(asked).toBeLessThanOrEqual(200);
    },
  );

  test("what is needed for paper is asked for once, although a part of it is never there", async () => {
    const asked: number[] = [];
    const lines: Lines = new Lines(async (from, limit) => {
      asked.push(from);
      // Lines 1,001-9,000 were cut.
      for (let line = from; line < from + limit; line += 500)
        if (line <= 1_000 || line > 9_000) lines.put(line, texts(line, 500), 0);
      return from + limit;
    });
    lines.need(1, 12_000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([1, 5_001, 10_001]);
    expect([lines.get(1_000), lines.get(9_001), lines.get(12_000)]).not.toContain(undefined);
    expect(lines.get(5_000)).toBeUndefined();
    // It may be asked for again.
    lines.need(1, 9_000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([1, 5_001, 10_001, 1_001, 6_001]);
  });

  test("a failure is told and tried again", async () => {
    let tries = 0;
    const lines: Lines = new Lines(async (from) => {
      tries += 1;
      if (tries === 1) throw new Error("no");
      lines.put(from, texts(from, 500), 0);
      return from + 500;
    });
    const failed = vi.fn();
    lines.failed.on(failed);
    lines.want(1, 40);
    await vi.advanceTimersByTimeAsync(40);
    expect(failed).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(6_000);
    expect(lines.get(1)).toBeDefined();
  });
});

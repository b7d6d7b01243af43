// Lines that lie far apart: fetched a few at a time, and only while they are wanted.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BLOCK_LINES, type Load } from "../src/log/model/lineblocks";
import { Lines } from "../src/log/model/lines";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function stored(answers: (from: number, limit: number) => readonly string[] | Error) {
  const asked: [number, number][] = [];
  const running = { now: 0, most: 0 };
  const load: Load = async (from, limit) => {
    asked.push([from, limit]);
    running.now += 1;
    running.most = Math.max(running.most, running.now);
    await new Promise((done) => setTimeout(done, 10));
    running.now -= 1;
    const found = answers(from, limit);
    if (found instanceof Error) throw found;
    if (found.length > 0) lines.put(from, found, 0);
    return from + limit;
  };
  const lines: Lines = new Lines(load);
  return { asked, running, lines };
}

const texts = (from: number, limit: number) =>
  Array.from({ length: limit }, (_, i) => `line ${from + i}`);

test("those of a block come together, and four blocks at a time", async () => {
  const { asked, running, lines } = stored(texts);
  const wanted = [7, 9, ...Array.from({ length: 9 }, (_, i) => (i + 3) * BLOCK_LINES + 5)];
  lines.seenApart(wanted);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(wanted.map((line) => lines.get(line))).toEqual(wanted.map((line) => `line ${line}`));
  expect(asked[0]).toEqual([7, 3]);
  expect(asked).toHaveLength(10);
  expect(running.most).toBe(4);
  lines.seenApart(wanted);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toHaveLength(10);
});

test("only the newest wish counts", async () => {
  const { asked, lines } = stored(texts);
  lines.seenApart([1, 2_001, 4_001, 6_001, 8_001, 10_001]);
  await vi.advanceTimersByTimeAsync(35);
  lines.seenApart([50_001]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked.map(([from]) => from)).toEqual([1, 2_001, 4_001, 6_001, 50_001]);
});

test("what is stored no more is asked for once, and what failed again", async () => {
  let fails = true;
  const { asked, lines } = stored((from) => {
    if (from === 1) return [];
    return fails ? new Error("no network") : texts(from, 1);
  });
  const failed = vi.fn();
  lines.failed.on(failed);
  lines.seenApart([1, 2_001]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(failed).toHaveBeenCalledTimes(1);
  lines.seenApart([1, 2_001]);
  fails = false;
  await vi.advanceTimersByTimeAsync(6_000);
  expect(lines.get(2_001)).toBe("line 2001");
  expect(asked.filter(([from]) => from === 1)).toHaveLength(1);
});

test("the screen keeps its blocks, and not what lies between them", async () => {
  const big = "x".repeat(200_000);
  const small = new Lines(async () => 0, 1_000_000);
  small.put(1, [big], 0);
  small.seenApart([1, 20_000]);
  for (let k = 1; k < 40; k += 1) small.put(k * BLOCK_LINES + 1, [big], 0);
  expect(small.get(1)).toBe(big);
  expect(small.get(20 * BLOCK_LINES + 1)).toBeUndefined();
});

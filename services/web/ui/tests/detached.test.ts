// StoredLines of a log that are fetched out of order.

import { expect, test } from "vitest";
import { DetachedRanges } from "../src/log/model/detached";
import { GENESIS, link } from "../src/protocol/chain";
import { Discontinuity } from "../src/protocol/cursor";

/** Entries of ten lines each, as they travel. */
function log(entries: number): { chains: string[]; wire: Record<string, unknown>[] } {
  const chains = [GENESIS];
  const wire = Array.from({ length: entries }, (_, i) => {
    const text = `entry ${i}\n`.repeat(10);
    const chain = link(chains[i] ?? "", "o", new TextEncoder().encode(text));
    chains.push(chain);
    return { id: `1-${i + 1}`, type: "o", from: i * 10 + 1, n: 10, t: 0, text, chain };
  });
  return { chains, wire };
}

const { chains, wire } = log(9);

function check(detached: DetachedRanges, from: number, to: number): number {
  const start = { epoch: 1, line: from * 10 + 1, chain: chains[from] ?? "" };
  return detached.check(start, wire.slice(from, to)).items.length;
}

test("pieces join when they touch", () => {
  const detached = new DetachedRanges();
  expect(check(detached, 0, 3)).toBe(3);
  check(detached, 6, 9);
  expect(detached.count).toBe(2);
  check(detached, 3, 6);
  expect(detached.count).toBe(1);
});

test("a changed byte, a dropped and a doubled entry are noticed", () => {
  const start = { epoch: 1, line: 1, chain: GENESIS };
  const changed = wire.map((one, i) => (i === 2 ? { ...one, text: "entry X\n".repeat(10) } : one));
  for (const wrong of [
    changed,
    wire.filter((_, i) => i !== 2),
    [...wire.slice(0, 3), ...wire.slice(2)],
  ]) {
    expect(() => new DetachedRanges().check(start, wrong)).toThrow(Discontinuity);
  }
});

test("a piece that is fetched again must be the same one", () => {
  const detached = new DetachedRanges();
  check(detached, 2, 4);
  const other = log(1).wire[0] ?? {};
  const text = "another\n".repeat(60);
  const chain = link(GENESIS, "o", new TextEncoder().encode(text));
  const forged = [{ ...other, text, n: 60, chain }];
  expect(detached.check({ epoch: 1, line: 1, chain: GENESIS }, forged).items).toHaveLength(1);
  // In itself it is a chain; with another digest at the same line it is not the same log.
  const parts = [0, 1, 2].map((i) => ({ i, text: `part ${i}\n`.repeat(10) }));
  let before = GENESIS;
  const wrong = parts.map((part) => {
    before = link(before, "o", new TextEncoder().encode(part.text));
    return {
      ...part,
      id: `1-${part.i + 1}`,
      type: "o",
      from: part.i * 10 + 1,
      n: 10,
      t: 0,
      chain: before,
    };
  });
  expect(() => detached.check({ epoch: 1, line: 1, chain: GENESIS }, wrong)).toThrow(Discontinuity);
});

test("what was followed before an absence must be the same when it is fetched", () => {
  const stood = (chain: string) => {
    const detached = new DetachedRanges();
    detached.verified({ epoch: 1, line: 1, chain: GENESIS }, { epoch: 1, line: 41, chain });
    return detached;
  };
  const start = { epoch: 1, line: 21, chain: chains[2] ?? "" };
  expect(stood(chains[4] ?? "").check(start, wire.slice(2, 7)).items).toHaveLength(5);
  expect(() => stood("f".repeat(64)).check(start, wire.slice(2, 7))).toThrow(Discontinuity);
});

// The protocol's TypeScript side, held to the same vectors as the Python one.

import { describe, expect, test } from "vitest";
import vectors from "../../../../libs/runtail/src/runtail/protocol/vectors.json";
import { withCommas } from "../src/numbers";
import { GENESIS, link } from "../src/protocol/chain";
import { Discontinuity } from "../src/protocol/cursor";
import { countLines, idText, parseEntry, splitLines } from "../src/protocol/entry";
import { Verifier } from "../src/protocol/verifier";
import { runToEnd } from "../src/slices";

function bytes(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

describe("chain", () => {
  test.each(vectors.chain)("links to $chain", (vector) => {
    const type = vector.type === "o" ? "o" : "e";
    expect(link(vector.previous, type, bytes(vector.payload_b64))).toBe(vector.chain);
  });
});

describe("entries", () => {
  test.each(vectors.entries)("$wire.id holds the stored bytes", ({ wire, stored }) => {
    const entry = parseEntry(wire);
    expect(entry.payload).toEqual(bytes(stored.d_b64));
    const flags = entry.continues ? "c" : "-";
    expect(`1 ${entry.type} ${entry.from} ${entry.n} ${entry.t} ${flags}`).toBe(stored.h);
    expect(idText(entry.id)).toBe(wire.id);
    if (entry.type === "o") {
      expect(countLines(entry.payload)).toBe(entry.n);
      expect(splitLines(entry.payload)).toHaveLength(entry.n);
    }
  });

  test.each(vectors.invalid_entries)("$name is refused", ({ wire }) => {
    expect(() => parseEntry(wire)).toThrow();
  });

  test("a byte order mark survives", () => {
    const wire = { ...vectors.entries[1]?.wire, text: undefined, b64: btoa("\xef\xbb\xbfx\n") };
    expect(splitLines(parseEntry({ ...wire, n: 1 }).payload)).toEqual(["\ufeffx"]);
  });
});

/** Feed a vector's messages into a new view. */
function fed(vector: (typeof vectors.views)[number]): Verifier {
  const view = new Verifier();
  const { epoch, from, chain } = vector.begin;
  view.begin({ epoch, line: from, chain });
  for (const message of vector.messages) view.feed(message.entries, message.epoch);
  return view;
}

describe("views", () => {
  test.each(vectors.views.filter(({ mismatch }) => !mismatch))("$name", (vector) => {
    const verdict = fed(vector).verdict;
    if (vector.verdict === null) {
      expect(verdict).toBeNull();
    } else {
      const { from_line: from, ...rest } = vector.verdict;
      expect(verdict).toEqual({ ...rest, from });
    }
  });

  test.each(vectors.views.filter(({ mismatch }) => mismatch))("$name is noticed", (vector) => {
    const view = new Verifier();
    const { epoch, from, chain } = vector.begin;
    view.begin({ epoch, line: from, chain });
    expect(() => {
      for (const message of vector.messages) view.feed(message.entries, message.epoch);
    }).toThrow(Discontinuity);
    expect(view.verdict?.verified).toBe(false);
    expect(view.verdict?.text).toMatch(/^does not match its chain: entry \d+-\d+/);
  });

  test("an epoch is never mixed with another, and a view resumes only where it stood", () => {
    const view = new Verifier();
    expect(() => view.feed([], 1)).toThrow("before the answer");
    view.begin({ epoch: 1, line: 1, chain: GENESIS });
    expect(() => view.feed([], 2)).toThrow("epoch");
    expect(() => view.begin({ epoch: 1, line: 5, chain: GENESIS })).toThrow("resumed at line 5");
    expect(() => view.begin({ epoch: 2, line: 1, chain: GENESIS })).toThrow("epochs");
    view.begin({ epoch: 1, line: 1, chain: GENESIS });
  });
});

describe("earlier pieces", () => {
  const whole = vectors.views.find(({ name }) => name === "whole");
  const all: unknown[] = whole?.messages.flatMap(({ entries }): unknown[] => entries) ?? [];
  const epoch = whole?.begin.epoch ?? 0;

  function fromTheMiddle(at: number): Verifier {
    const before = all[at - 1] as { chain: string };
    const first = all[at] as { from: number };
    const view = new Verifier();
    view.begin({ epoch, line: first.from, chain: before.chain });
    view.feed(all.slice(at), epoch);
    return view;
  }

  test("extend what is verified to the first line", () => {
    const view = fromTheMiddle(5);
    expect(view.verdict?.text).toMatch(/verified from line/);
    view.prepend({ epoch, line: 1, chain: GENESIS }, all);
    expect(view.verdict?.text).toBe(whole?.verdict?.text);
  });

  test("are let go when another one came first while they were checked", () => {
    const view = fromTheMiddle(5);
    const slow = view.prepending({ epoch, line: 1, chain: GENESIS }, all);
    slow.next();
    view.prepend({ epoch, line: 1, chain: GENESIS }, all);
    expect(runToEnd(slow)).toBeNull();
    // Nothing is counted twice.
    expect(view.verdict?.text).toBe(whole?.verdict?.text);
  });

  test("that do not touch what was checked change nothing", () => {
    const view = fromTheMiddle(5);
    const before = view.verdict;
    expect(() => view.prepend({ epoch, line: 1, chain: GENESIS }, all.slice(0, 3))).toThrow(
      Discontinuity,
    );
    const flipped = structuredClone(all);
    (flipped[1] as { text: string }).text = "one\ntvo\nthree\n";
    expect(() => view.prepend({ epoch, line: 1, chain: GENESIS }, flipped)).toThrow(Discontinuity);
    expect(view.verdict).toEqual(before);
  });
});

test("numbers are grouped by thousands", () => {
  expect([0, 999, 1000, 48211, 1234567].map(withCommas)).toEqual([
    "0",
    "999",
    "1,000",
    "48,211",
    "1,234,567",
  ]);
});

// Share links: their addresses, their words, and entries without digests.

import { describe, expect, test } from "vitest";
import { shareOf } from "../src/address";
import { guestWords } from "../src/guest/words";
import { parseItem } from "../src/protocol/entry";
import { curlWords, rangeWords, shareWords } from "../src/share/words";
import { stamp } from "../src/time";

describe("words", () => {
  test.each([
    [{ from: 8, to: 13 }, "lines 8-13"],
    [{ from: 8, to: 8 }, "line 8"],
    [{ from: 1, to: null }, "all lines"],
    [{ from: 1200, to: null }, "all lines from 1,200 on"],
  ])("%o", (range, words) => {
    expect(rangeWords(range)).toBe(words);
  });

  test("what a guest sees", () => {
    const share = { run: "r", task: "t", from: 2, to: 3, live: false, ends_ms: 0, whole: false };
    const until = stamp(0);
    expect(guestWords(share)).toBe(
      `You see lines 2-3 of this run, and nothing else of it, until ${until}.`,
    );
    expect(guestWords({ ...share, from: 1, to: null, live: true })).toBe(
      `You see all lines of this run, and what follows as it is written, and nothing else of it, until ${until}.`,
    );
  });

  test("a link in a list", () => {
    const share = {
      id: "a",
      run: "r",
      from: 2,
      to: 3,
      live: false,
      maker: "ann",
      made_ms: 0,
      ends_ms: 0,
      works: true,
      revocable: true,
    };
    expect(shareWords(share)).toBe(`lines 2-3, by ann, until ${stamp(0)}`);
    expect(shareWords({ ...share, works: false })).toContain("does not work any more");
  });

  test("the command has no secret in it", () => {
    expect(curlWords("https://x", "/p")).toBe(
      "curl -H \"Authorization: Bearer $TOKEN\" 'https://x/p'",
    );
  });
});

test.each([
  ["/s/abcdefghij", "", "abcdefghij"],
  ["/a/b/s/abcdefghij", "/a/b", "abcdefghij"],
  ["/s/abcdefghij", "/a/b", null],
  ["/s/", "", null],
  ["/s/abc/def", "", null],
  ["/runs/s", "", null],
])("the page %s below %s is that of %s", (path, base, share) => {
  expect(shareOf(path, base)).toBe(share);
});

test("only a part of a log may come without digests", () => {
  const entry = { id: "1-2", type: "o", from: 3, n: 1, t: 9, text: "a\n" };
  const cut = { cut: { from: 1, to: 2, bytes: 0, entries: 0, last: "1-1" } };
  for (const item of [entry, cut]) {
    expect(() => parseItem(item)).toThrow("chain");
    expect(parseItem(item, "part").chain).toBe("");
    const broken = "cut" in item ? { cut: { ...item.cut, chain: "x" } } : { ...item, chain: "x" };
    expect(() => parseItem(broken, "part")).toThrow("chain");
  }
});

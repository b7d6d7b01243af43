// Links to lines, and web addresses in text.

import { describe, expect, test } from "vitest";
import { addresses, linesHash, overlaps, parseLines } from "../src/log/model/links";

describe("links", () => {
  test.each([
    ["#L120", 120, 120],
    ["#L120-L140", 120, 140],
    ["#L120-140", 120, 140],
    ["#L140-L120", 120, 140],
  ])("%s", (hash, first, last) => {
    expect(parseLines(hash)).toEqual({ first, last });
  });

  test.each(["", "#", "#L", "#L0", "#Lx", "#L1-", "#L99999999999999", "#l1"])("not %j", (hash) => {
    expect(parseLines(hash)).toBeNull();
  });

  test("are written as they are read", () => {
    expect(linesHash({ first: 1, last: 1 })).toBe("#L1");
    expect(linesHash({ first: 1, last: 9 })).toBe("#L1-L9");
  });

  test("web addresses end before the sentence does", () => {
    const text = "see https://a.b/c?d=e, or (http://x.y). javascript:alert(1) https:// ftp://z";
    expect(addresses(text).map(([a, b]) => text.slice(a, b))).toEqual([
      "https://a.b/c?d=e",
      "http://x.y",
    ]);
  });

  test.each([
    ["(http://x/(a)b)", ["http://x/(a)b"]],
    ["http://x/(a)b)", ["http://x/(a)b"]],
    ["<http://x>, <https://y/z>", ["http://x", "https://y/z"]],
    ["[a](http://x/[b]c), http://[::1]:80/?q={1}}", ["http://x/[b]c", "http://[::1]:80/?q={1}"]],
    ["http://x/(a", ["http://x/(a"]],
    ["http://x/( and http://y/a([{", ["http://x/", "http://y/a"]],
    ["'http://x/a'.", ["http://x/a"]],
    ["http:// https://) http://.", []],
    [`http://x/${"(".repeat(50_000)}`, ["http://x/"]],
  ])("an address keeps the brackets that are its own: %#", (text, expected) => {
    expect(addresses(text).map(([a, b]) => text.slice(a, b))).toEqual(expected);
  });

  test.each([
    // Punctuation of other scripts.
    ["参照 https://a.b/pull/12（2 件）", ["https://a.b/pull/12"]],
    ["见https://a.b/c。下一步：http://x.y/z，完成！", ["https://a.b/c", "http://x.y/z"]],
    ["「https://a.b/c」と『http://x.y』、", ["https://a.b/c", "http://x.y"]],
    ["https://a.b/c、それから", ["https://a.b/c"]],
    ["“https://a.b/c” «http://x.y» „https://z.w‟…", ["https://a.b/c", "http://x.y", "https://z.w"]],
    ["https://a.b/c… http://x.y—then", ["https://a.b/c", "http://x.y"]],
    ["https://a.b/c\u200bnext\u3000http://x.y/\u3000", ["https://a.b/c", "http://x.y/"]],
    // A host is none of a text that goes on behind it.
    ["https://example.com次の行 https://a.b:80次", ["https://example.com", "https://a.b:80"]],
    [
      "https://例え.jp/x https://docomoマーケット.jp http://münchen",
      ["https://例え.jp/x", "https://docomoマーケット.jp", "http://münchen"],
    ],
    [
      "https://ja.wikipedia.org/wiki/ダ・ヴィンチ_(曖昧さ回避)・",
      ["https://ja.wikipedia.org/wiki/ダ・ヴィンチ_(曖昧さ回避)"],
    ],
    ["https://de.wikipedia.org/wiki/Größe, und", ["https://de.wikipedia.org/wiki/Größe"]],
    // Tables, arrows, other texts around.
    [
      "│https://a.b/c│ |http://x.y| https://z.w→http://q.r",
      ["https://a.b/c", "http://x.y", "https://z.w", "http://q.r"],
    ],
    ['{"u": "https://a.b/c\\n", \\"http://x.y\\"}', ["https://a.b/c", "http://x.y"]],
    [
      "**https://a.b/c** *http://x.y*, `https://z.w`",
      ["https://a.b/c", "http://x.y", "https://z.w"],
    ],
    [
      "HTTPS://A.B/C Http://x.y git+https://z.w/q.git@v1",
      ["HTTPS://A.B/C", "Http://x.y", "https://z.w/q.git@v1"],
    ],
    ["https://a.b/?q=a*b&c=~d#e!f;g=$h", ["https://a.b/?q=a*b&c=~d#e!f;g=$h"]],
  ])("an address ends where the text around it goes on: %#", (text, expected) => {
    expect(addresses(text).map(([a, b]) => text.slice(a, b))).toEqual(expected);
  });

  test("ranges are met once, however they overlap", () => {
    const ranges = [
      { first: 50, last: 60 },
      { first: 1, last: 12 },
      { first: 5, last: 20 },
      { first: 55, last: 58 },
      { first: 200, last: 300 },
    ];
    expect(overlaps({ first: 10, last: 57 }, ranges)).toEqual([
      { first: 10, last: 12 },
      { first: 13, last: 20 },
      { first: 50, last: 57 },
    ]);
    expect(overlaps({ first: 21, last: 49 }, ranges)).toEqual([]);
  });
});

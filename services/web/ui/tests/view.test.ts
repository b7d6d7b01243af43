// The small pure parts of the log's view: groups, links, times, finding, keys.

import { describe, expect, test } from "vitest";
import vectors from "../../../../tests/support/find_vectors.json";
import { ACTIONS, Keyboard, type Press } from "../src/keys";
import { around, within } from "../src/log/model/continuation";
import { type Group, Groups, type Mark } from "../src/log/model/groups";
import { addresses, linesHash, overlaps, parseLines } from "../src/log/model/links";
import { answers, BadQuery, findWords, Hits, matcher, Ranges } from "../src/log/model/search";
import { elapsed, nextMode, timeText } from "../src/log/model/times";

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

  test("what lies over the cuts of a long line belongs to each of its pieces", () => {
    const texts = ["\u001b[1mab", "c\u001b[0md\r", "ef", "g"];
    const lines = {
      get: (line: number) => texts[line - 1],
      continues: (line: number) => line === 1 || line === 2,
    };
    const contexts = [1, 2, 3, 4].map((line) => around(lines, line));
    expect(contexts).toEqual([
      { before: "", after: "cd" },
      { before: "ab", after: "ef" },
      { before: "cd", after: "" },
      { before: "", after: "" },
    ]);
    expect(
      within(
        [
          [1, 3],
          [3, 4],
          [9, 12],
        ],
        2,
        10,
      ),
    ).toEqual([
      [0, 1],
      [1, 2],
      [7, 8],
    ]);
    expect(within([[0, 2]], 2, 4)).toEqual([]);
  });

  test("an expression is left to the server where it could take long", () => {
    const match = matcher({ text: "b+$", regex: true, matchCase: false });
    expect(match(`${"a".repeat(4_095)}b`)).toEqual([[4_095, 4_096]]);
    expect(match(`${"a".repeat(4_096)}b`)).toBeNull();
    const text = matcher({ text: "b", regex: false, matchCase: false });
    expect(text(`${"a".repeat(100_000)}b`)).toEqual([[100_000, 100_001]]);
  });
});

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

describe("groups", () => {
  const mark = (seq: number, kind: Mark["kind"], at: number, line: number | null = null): Mark => ({
    id: { attempt: 1, seq },
    kind,
    at,
    line,
    title: `g${seq}`,
    t: seq * 1000,
  });
  const marks = [
    mark(1, "group", 5),
    mark(2, "group", 10, 8),
    mark(3, "error", 12, 11),
    mark(4, "endgroup", 20, 15),
    mark(5, "warning", 21),
    mark(6, "endgroup", 30),
    mark(7, "group", 40),
    mark(8, "end", 50),
  ];

  test.each([false, true])("nest, count and end; late: %s", (late) => {
    const groups = new Groups();
    if (late) for (const one of [...marks].reverse()) groups.add([one]);
    else groups.add(marks);
    expect(groups.add(marks)).toBe(false);
    expect(
      groups.all.map((g) => [g.title, g.first, g.last, g.depth, g.errors, g.warnings, g.until]),
    ).toEqual([
      ["g1", 5, 29, 0, 1, 1, 6000],
      ["g2", 9, 15, 1, 1, 0, 4000],
      ["g7", 40, 49, 0, 0, 0, 8000],
    ]);
    expect(groups.headOn(8)?.title).toBe("g2");
    expect(groups.levels.get(11)).toBe("error");
    expect(groups.around(9).map((g) => g.title)).toEqual(["g1", "g2"]);
  });

  test("only outer folds hide, and a line inside can be revealed", () => {
    const groups = new Groups();
    groups.add(marks);
    groups.foldAll(true);
    expect(groups.folds().map((fold) => [fold.first, fold.last])).toEqual([
      [5, 29],
      [40, 49],
    ]);
    expect(groups.reveal(12)).toBe(true);
    expect(groups.reveal(12)).toBe(false);
    expect(groups.folds().map((fold) => fold.first)).toEqual([40]);
  });

  test("what was folded stays folded when earlier marks come, and these are folded as well", () => {
    const groups = new Groups();
    groups.add(marks.slice(6));
    groups.foldAll(true);
    groups.add(marks.slice(0, 6));
    expect(groups.all.map((g) => g.folded)).toEqual([true, true, true]);
  });

  test("sections of lines that are not loaded are learned, and known better when they are", () => {
    const groups = new Groups();
    groups.add(marks.slice(6));
    const learned = { ...(groups.all[0] as Group), id: { attempt: 1, seq: 1 }, title: "g1" };
    groups.outline([{ ...learned, first: 5, last: 29 }]);
    expect(groups.all.map((g) => g.title)).toEqual(["g1", "g7"]);
    groups.foldAll(true);
    expect(groups.folds().map((fold) => fold.first)).toEqual([5, 40]);
    groups.add(marks);
    expect(groups.all.map((g) => g.title)).toEqual(["g1", "g2", "g7"]);
    expect(groups.all[0]?.folded).toBe(true);
  });

  test("a section whose end is not loaded ends where the server says", () => {
    const groups = new Groups();
    groups.add([mark(1, "group", 5), mark(9, "end", 100)]);
    expect(groups.all[0]?.last).toBe(99);
    const known = { ...(groups.all[0] as Group), last: 29, since: 0, until: 4000, errors: 2 };
    groups.outline([known]);
    expect(groups.all.map((g) => [g.last, g.until, g.errors])).toEqual([[29, 5000, 2]]);
  });

  test("an end without a beginning is nothing", () => {
    const groups = new Groups();
    groups.add([mark(1, "endgroup", 5)]);
    expect(groups.all).toEqual([]);
  });
});

describe("finding", () => {
  test.each([
    [
      "Err",
      false,
      false,
      "error ERR",
      [
        [0, 3],
        [6, 9],
      ],
    ],
    ["Err", false, true, "error Err", [[6, 9]]],
    [
      "e.r",
      true,
      false,
      "eXr ear",
      [
        [0, 3],
        [4, 7],
      ],
    ],
    ["x*", true, false, "axxb", [[1, 3]]],
    ["a.b", false, false, "a.b axb", [[0, 3]]],
  ])("%s (regex %s, case %s) in %s", (text, regex, matchCase, line, spans) => {
    expect(matcher({ text, regex, matchCase })(line)).toEqual(spans);
  });

  test.each(vectors)("in %j %j (case %s)", (line, text, matchCase, spans) => {
    const match = matcher({ text: String(text), regex: false, matchCase: matchCase === true });
    expect(match(String(line))).toEqual(spans);
  });

  test("bad expressions are refused with a sentence", () => {
    for (const text of ["(", "(a+)+", "(a|b*)*", "[z-a]"]) {
      expect(() => matcher({ text, regex: true, matchCase: false })).toThrow(BadQuery);
    }
  });

  test("hits are walked in order, round the ends", () => {
    const found = new Hits();
    for (const line of [50, 10, 30, 10]) found.add(line);
    expect(found.lines).toEqual([10, 30, 50]);
    expect([
      found.next(10, true),
      found.next(50, true),
      found.next(10, false),
      found.next(31, false),
    ]).toEqual([30, 10, 50, 30]);
    expect(new Hits().next(1, true)).toBeNull();
  });

  test("ranges join", () => {
    const ranges = new Ranges();
    ranges.add(1, 10);
    ranges.add(20, 30);
    ranges.add(11, 19);
    ranges.add(5, 4);
    expect(ranges.all).toEqual([[1, 30]]);
    expect([ranges.total, ranges.has(30), ranges.has(31)]).toEqual([30, true, false]);
  });

  test("what was searched is said", () => {
    const found = new Hits();
    found.searched.add(1, 2000);
    expect(findWords(found, null, 3000, false)).toBe("no hit · searched lines 1-2,000");
    found.add(7);
    found.add(9);
    expect(findWords(found, 9, 3000, true)).toBe("hit 2 of at least 2 · still searching");
    found.searched.add(2001, 3000);
    expect(findWords(found, 9, 3000, false)).toBe("hit 2 of 2 · searched all lines");
  });

  test("the server's stream may be split anywhere", () => {
    const stream = '{"line":4,"spans":[[0,2]]}\n{"searched":[1,9]}\n{"done":true,"hits":1}\n';
    for (let i = 0; i < stream.length; i += 1) {
      const buffer = { rest: "" };
      const all = [...answers(buffer, stream.slice(0, i)), ...answers(buffer, stream.slice(i))];
      expect(all).toEqual([
        { line: 4, spans: [[0, 2]] },
        { searched: [1, 9] },
        { done: true, hits: 1 },
      ]);
    }
  });
});

describe("keys", () => {
  const press = (key: string, more: Partial<Press> = {}): Press => ({
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    ...more,
  });

  test("name actions", () => {
    const keyboard = new Keyboard();
    const act = (key: string, more: Partial<Press> = {}) => keyboard.action(press(key, more), 0);
    expect([act("j"), act("ArrowUp"), act(" "), act(" ", { shiftKey: true })]).toEqual([
      "down",
      "up",
      "page-down",
      "page-up",
    ]);
    expect([
      act("G", { shiftKey: true }),
      act("N", { shiftKey: true }),
      act("?", { shiftKey: true }),
    ]).toEqual(["last", "previous-hit", "help"]);
    expect([act("f", { ctrlKey: true }), act("F", { metaKey: true }), act("f")]).toEqual([
      "find",
      "find",
      "follow",
    ]);
    expect([act("r", { ctrlKey: true }), act("j", { altKey: true })]).toEqual([null, null]);
  });

  test("g g goes to the first line, one g does nothing", () => {
    const keyboard = new Keyboard();
    expect(keyboard.action(press("g"), 0)).toBeNull();
    expect(keyboard.action(press("g"), 100)).toBe("first");
    expect(keyboard.action(press("g"), 200)).toBeNull();
    expect(keyboard.action(press("g"), 5_000)).toBeNull();
    expect(keyboard.action(press("j"), 5_100)).toBe("down");
  });

  test("single keys can be switched off", () => {
    const keyboard = new Keyboard();
    keyboard.single = false;
    expect(keyboard.action(press("j"), 0)).toBeNull();
    expect(keyboard.action(press("ArrowDown"), 0)).toBe("down");
    expect(keyboard.action(press("f", { ctrlKey: true }), 0)).toBe("find");
  });

  test("no key has two actions", () => {
    const keys = Object.values(ACTIONS).flatMap(([names]) => names.split(" "));
    expect(new Set(keys).size).toBe(keys.length);
  });
});

// Groups from the events of a log, and what is said of them.

import { describe, expect, test } from "vitest";
import { type Group, Groups, type Mark } from "../src/log/model/groups";
import { foldWords } from "../src/log/tools/navigation";

function mark(seq: number, kind: Mark["kind"], at: number, attempt = 1): Mark {
  return { id: { attempt, seq }, kind, at, line: null, title: `${seq}`, t: seq * 1_000 };
}

describe("a group that is never closed", () => {
  test("is open while its attempt goes on", () => {
    const groups = new Groups();
    groups.add([mark(1, "group", 1), mark(2, "group", 5), mark(3, "endgroup", 9)]);
    expect(groups.all.map((group) => [group.last, group.unclosed])).toEqual([
      [Number.POSITIVE_INFINITY, false],
      [8, false],
    ]);
  });

  test("ends with its attempt, and the next one is not in it", () => {
    const groups = new Groups();
    groups.add([mark(1, "group", 1), mark(1, "start", 40, 2), mark(2, "group", 50, 2)]);
    expect(groups.all.map((group) => [group.last, group.unclosed])).toEqual([
      [39, true],
      [Number.POSITIVE_INFINITY, false],
    ]);
    expect(groups.around(45)).toEqual([]);
  });

  test("is known to the server before its end is here", () => {
    const groups = new Groups();
    groups.add([mark(1, "group", 1)]);
    const [here] = groups.all;
    if (!here) throw new Error("no group");
    groups.outline([{ ...here, last: 500, since: 0, until: 3_000, unclosed: true }]);
    expect(groups.all.map((group) => [group.last, group.unclosed])).toEqual([[500, true]]);
  });
});

test("ten thousand groups that come in any order are met once, and in time", {
  timeout: 60_000,
}, () => {
  const marks = Array.from({ length: 10_000 }, (_, i) => [
    mark(2 * i + 1, "group", 3 * i + 1),
    mark(2 * i + 2, "endgroup", 3 * i + 3),
  ]).flat();
  const late = [...marks.slice(10_000), ...marks.slice(0, 10_000)];
  const groups = new Groups();
  const began = performance.now();
  for (let i = 0; i < late.length; i += 1_000) groups.add(late.slice(i, i + 1_000));
  expect(groups.add(marks)).toBe(false);
  // Looking each mark up in all others took minutes.
  expect(performance.now() - began).toBeLessThan(30_000);
  expect(groups.all).toHaveLength(10_000);
  groups.foldAll(true);
  expect(groups.folds()).toHaveLength(10_000);
  expect(groups.reveal(3 * 5_000 + 1)).toBe(true);
  expect(groups.folds()).toHaveLength(9_999);
});

test("groups that are learnt of after all were folded are folded, new ones are not", () => {
  const groups = new Groups();
  groups.add([mark(21, "group", 21), mark(22, "endgroup", 25)]);
  groups.foldAll(true);
  groups.add([mark(1, "group", 1), mark(2, "endgroup", 5)]);
  groups.add([mark(31, "group", 31)]);
  expect(groups.all.map((group) => group.folded)).toEqual([true, true, false]);
  groups.foldAll(false);
  groups.add([mark(11, "group", 11), mark(12, "endgroup", 15)]);
  expect(groups.all.some((group) => group.folded)).toBe(false);
});

test("folding says how many, and how many it does not know", () => {
  expect(foldWords(true, 3, 3)).toBe("3 groups folded");
  expect(foldWords(false, 1, 0)).toBe("1 group opened");
  expect(foldWords(true, 0, 0)).toBe("Nothing to fold");
  expect(foldWords(false, 0, 0, true)).toBe("Frames of libraries opened");
  expect(foldWords(true, 2, 2, true)).toBe("2 groups and frames of libraries folded");
  expect(foldWords(true, 10_000, 12_345)).toBe(
    "10,000 groups folded. The log has 12,345; the others follow when their lines are loaded.",
  );
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

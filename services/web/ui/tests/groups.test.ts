// Groups from the events of a log, and what is said of them.

import { describe, expect, test } from "vitest";
import { Groups, type Mark } from "../src/log/model/groups";
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
  expect(foldWords(true, 0, 0)).toBe("No groups");
  expect(foldWords(true, 10_000, 12_345)).toBe(
    "10,000 groups folded. The log has 12,345; the others follow when their lines are loaded.",
  );
});

// The list: marks, what running runs wrote last, durations, addresses.

import { describe, expect, test } from "vitest";
import type { RunLine } from "../src/api";
import { bounded } from "../src/runs/lastlines";
import { Marks, range } from "../src/runs/marks";
import { saidPercent } from "../src/runs/took";
import { span } from "../src/time";

describe("marks", () => {
  const list = ["a", "b", "c", "d", "e"];
  const marked = (marks: Marks) => [...marks.ids.value].sort().join("");

  test("come one by one, and as ranges in both directions", () => {
    const marks = new Marks();
    marks.set("d", true);
    marks.set("b", true, list);
    expect(marked(marks)).toBe("bcd");
    marks.set("e", true);
    marks.set("c", false, list);
    expect(marked(marks)).toBe("b");
    marks.toggle("b");
    marks.toggle("a");
    expect(marked(marks)).toBe("a");
    marks.clear();
    expect(marked(marks)).toBe("");
  });

  test("a range begins nowhere before the first mark, and after its run has gone", () => {
    expect(range(list, null, "c")).toEqual(["c"]);
    expect(range(list, "gone", "c")).toEqual(["c"]);
    expect(range(list, "c", "c")).toEqual(["c"]);
    const marks = new Marks();
    marks.set("a", true);
    marks.clear();
    marks.set("c", true, list);
    expect(marked(marks)).toBe("c");
  });
});

describe("last lines", () => {
  test("are asked for as far as one request may", () => {
    const ids = Array.from({ length: 60 }, (_, n) => `run-${n}`);
    expect(bounded(ids)).toEqual(ids.slice(0, 50));
    expect(bounded(Array.from({ length: 20 }, () => "ü".repeat(100)))).toHaveLength(5);
    expect(bounded([])).toEqual([]);
  });

  test("say how far a run is, unless the task itself does", () => {
    const line = { id: "a", text: "epoch 3: 40%|####      |", progress: null } satisfies RunLine;
    expect(saidPercent(line)).toBe(40);
    expect(saidPercent({ ...line, progress: 0.625 })).toBe(62.5);
    expect(saidPercent({ ...line, progress: 0 })).toBe(0);
    expect(saidPercent({ ...line, text: "wrote 48,211 of 120,000 rows" })).toBeNull();
  });
});

describe("durations at a glance", () => {
  test.each([
    [0, false, "0:00"],
    [9_999, false, "0:09"],
    [400, true, "0.4 s"],
    [9_999, true, "9.9 s"],
    [58_000, true, "0:58"],
    [102_000, false, "1:42"],
    [3_599_999, true, "59:59"],
    [11_520_000, true, "3 h 12 min"],
    [90_000_000, false, "1 d 1 h"],
    [-5, false, "0:00"],
  ])("%d ms", (ms, over, words) => {
    expect(span(ms, over)).toBe(words);
  });
});

// Sections beside those of another run, and what happened to a run.

import { describe, expect, test } from "vitest";
import type { OutlineGroup, OutlineMark, Run } from "../src/api";
import type { Group } from "../src/log/model/groups";
import type { Note } from "../src/log/model/rows";
import { longest, timeline, tookMs } from "../src/log/model/timeline";
import { curlCommand, followCommand } from "../src/run/commands";
import { attempts, happenings } from "../src/run/happened";

function ours(title: string, ms: number | null, more: Partial<Group> = {}): Group {
  const until = ms === null ? null : 1_000 + ms;
  return { title, depth: 0, since: 1_000, until, unclosed: false, ...more } as Group;
}

function theirs(title: string, seconds: number | null, depth = 0): OutlineGroup {
  return { title, depth, seconds, state: seconds === null ? "open" : "closed" } as OutlineGroup;
}

const shown = (groups: Group[], other: OutlineGroup[] | null) =>
  timeline(groups, other, 5_000).map(({ group, title, took, was }) => [
    group === null ? "-" : "+",
    title,
    took,
    was,
  ]);

describe("the timeline", () => {
  test("says how long each section took", () => {
    const groups = [ours("a", 500), ours("b", 0, { unclosed: true }), ours("c", null)];
    expect(groups.map((group) => tookMs(group, 5_000))).toEqual([500, null, 4_000]);
    expect(tookMs(ours("d", null, { since: 0 }), 5_000)).toBeNull();
    expect(longest(timeline(groups, null, 5_000))).toBe(4_000);
    expect(longest([])).toBe(0);
  });

  test("has the other run's durations, what is new and what is missing at its place", () => {
    const other = [theirs("fetch", 2), theirs("lint", 3), theirs("build", 4.9), theirs("push", 1)];
    expect(
      shown([ours("fetch", 500), ours("\u001b[1mbuild", 900), ours("sign", 1)], other),
    ).toEqual([
      ["+", "fetch", 500, 2_000],
      ["-", "lint", null, 3_000],
      ["+", "build", 900, 4_900],
      ["+", "sign", 1, undefined],
      ["-", "push", null, 1_000],
    ]);
  });

  test("tells sections of the same name apart, by those around them and by their order", () => {
    const groups = [
      ours("a", 1),
      ours("x", 1, { depth: 1 }),
      ours("x", 1, { depth: 1 }),
      ours("b", 1),
      ours("x", 1, { depth: 1 }),
    ];
    const other = [
      theirs("b", 4),
      theirs("x", 5, 1),
      theirs("a", 1),
      theirs("x", 2, 1),
      theirs("x", 3, 1),
    ];
    expect(shown(groups, other).map(([, title, , was]) => [title, was])).toEqual([
      ["a", 1_000],
      ["x", 2_000],
      ["x", 3_000],
      ["b", 4_000],
      ["x", 5_000],
    ]);
  });

  test("compares a bounded number of sections", () => {
    const many = Array.from({ length: 20_000 }, (_, index) => ours(`${index}`, 1));
    const other = many.map(({ title }) => theirs(`other ${title}`, 1));
    expect(timeline(many, other, 0)).toHaveLength(2_000);
  });
});

const run = (more: Partial<Run>) =>
  ({
    state: "running",
    created_ms: 100,
    started_ms: 200,
    first_started_ms: 200,
    finished_ms: null,
    attempt: 1,
    who: null,
    queue: null,
    retry_of: null,
    cancel: null,
    ...more,
  }) as Run;
const mark = (kind: string, t_ms: number, line = 1, attempt = 0): OutlineMark => ({
  kind,
  t_ms,
  line,
  attempt,
});

describe("what happened", () => {
  test("is in order, with the words of the events that are loaded", () => {
    const note = { kind: "event", at: 9, t: 400, text: "Retry 1 of 3: no disk", level: "warning" };
    const marks = [
      mark("start", 200, 1, 1),
      mark("warning", 300, 4),
      mark("retry", 400, 9),
      mark("start", 500, 9, 2),
    ];
    const found = happenings(run({ who: "ana", queue: "builds", attempt: 2 }), marks, [
      note as Note,
    ]);
    expect(found).toEqual([
      { t: 100, text: "Created by ana, for queue builds", level: "note", line: null },
      { t: 200, text: "Attempt 1 started", level: "note", line: 1 },
      { t: 400, text: "Retry 1 of 3: no disk", level: "warning", line: 9 },
      { t: 500, text: "Attempt 2 started", level: "note", line: 9 },
    ]);
  });

  test("is what the record says, where the log does not say it", () => {
    const cancel = { who: "bo", why: "wrong", at_ms: 300 };
    const lost = run({ state: "lost", cancel, finished_ms: 900, retry_of: "r" });
    expect(happenings(lost, [], []).map(({ t, text, level }) => [t, text, level])).toEqual([
      [100, "Retried", "note"],
      [200, "Attempt 1 started", "note"],
      [300, "bo asked to cancel: wrong", "warning"],
      [900, "Lost", "error"],
    ]);
    expect(
      happenings(run({ cancel: {}, first_started_ms: null }), [], []).map(({ t }) => t),
    ).toEqual([100, 100]);
  });

  test("a cancelling is told once", () => {
    const cancelled = run({ state: "cancelled", finished_ms: 900 });
    const marks = [mark("cancel", 800, 5), mark("end", 900, 5)];
    const says = (t: number, text: string) =>
      ({ kind: "event", at: 5, t, text, level: "warning" }) as Note;
    const by = says(800, "Cancelled by ana (signal 15)");
    const texts = (notes: readonly Note[]) =>
      happenings(cancelled, marks, notes).map(({ text }) => text);
    const begin = ["Created", "Attempt 1 started"];
    expect(texts([by, says(900, "Cancelled by ana")])).toEqual([...begin, by.text]);
    expect(texts([])).toEqual([...begin, "Cancelled"]);
    expect(happenings(cancelled, marks.slice(0, 1), []).map(({ text }) => text)).toEqual([
      ...begin,
      "Cancelled",
    ]);
    // What says more stays.
    const more = "Cancelled by ana: 2 files are left";
    expect(texts([by, says(900, more)])).toEqual([...begin, by.text, more]);
    expect(happenings(run({ state: "failed", finished_ms: 900 }), marks, []).at(-1)?.text).toBe(
      "Ended",
    );
  });

  test("each attempt has an end and what became of it", () => {
    const marks = [
      mark("start", 200, 1, 1),
      mark("retry", 400, 9),
      mark("start", 500, 9, 2),
      mark("worker-lost", 700, 12),
      mark("start", 900, 12, 3),
    ];
    expect(
      attempts(run({ attempt: 3 }), marks).map(({ number, began, ended, words }) => [
        number,
        began,
        ended,
        words,
      ]),
    ).toEqual([
      [1, 200, 400, "retried"],
      [2, 500, 700, "worker lost"],
      [3, 900, null, "running"],
    ]);
    const over = attempts(run({ state: "failed", finished_ms: 999 }), [
      ...marks,
      mark("error", 950),
      mark("end", 980),
    ]);
    expect(over[2]).toMatchObject({ ended: 980, state: "failed", words: "failed" });
    const waits = attempts(run({ state: "queued" }), marks.slice(0, 2));
    expect(waits).toMatchObject([{ ended: 400, words: "retried" }]);
    expect(attempts(run({ state: "queued" }), [])).toEqual([]);
  });
});

describe("commands", () => {
  test.each([
    ["4f0c-12", "runtail follow 4f0c-12"],
    ["sync-42~1", "runtail follow sync-42~1"],
    ["it's; rm -rf ~", "runtail follow 'it'\\''s; rm -rf ~'"],
    ["-x", "runtail follow -- '-x'"],
  ])("to follow %j", (id, command) => {
    expect(followCommand(id)).toBe(command);
  });

  test("to get the log, with a token where people log in", () => {
    const address = "http://h:8000/api/v1/runs/a'b/log.txt";
    expect(curlCommand(address, false)).toBe("curl 'http://h:8000/api/v1/runs/a'\\''b/log.txt'");
    expect(curlCommand("https://h/x", true)).toBe(
      `curl -H "Authorization: Bearer $TOKEN" 'https://h/x'`,
    );
  });
});

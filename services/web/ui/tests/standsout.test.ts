// What stands out beside a log: errors and warnings of lines and events, the errors first when there are too many.

import { describe, expect, test } from "vitest";
import { NOTHING } from "../src/log/model/outline";
import { type Known, levelsOf, standsOut } from "../src/log/model/standsout";

interface Given {
  readonly levels?: readonly (readonly [number, "error" | "warning"])[];
  readonly detected?: readonly (readonly [number, "error" | "warning"])[];
  readonly errors?: readonly number[];
  readonly warnings?: readonly number[];
  readonly notes?: readonly { at: number; level: string; text: string }[];
  readonly texts?: Readonly<Record<number, string>>;
}

function traceback({ texts }: Given, line: number): number[] {
  return texts?.[line]?.startsWith("Traceback") ? [line] : [];
}

function known(given: Given): Known {
  return {
    groups: { levels: new Map(given.levels) },
    detected: {
      levels: new Map(given.detected),
      tracebacks: new Set(given.detected?.flatMap(([line]) => traceback(given, line))),
    },
    known: { ...NOTHING, errors: given.errors ?? [], warnings: given.warnings ?? [] },
    rows: { notes: given.notes ?? [] },
    lines: { get: (line: number) => given.texts?.[line] },
  } as unknown as Known;
}

describe("stands out", () => {
  test("nothing", () => {
    expect(standsOut(known({}), 5)).toEqual({ shown: [], more: 0 });
  });

  test("lines are said without the codes of their marks, and in the log's order", () => {
    const given = known({
      levels: [
        [9, "error"],
        [2, "warning"],
      ],
      texts: { 2: "::warning file=a.c::\u001b[1mold\u001b[0m", 9: "##[error]broken " },
    });
    expect(standsOut(given, 5)).toEqual({
      shown: [
        { line: 2, level: "warning", text: "old" },
        { line: 9, level: "error", text: "broken" },
      ],
      more: 0,
    });
  });

  test("what is not loaded has no text; an error at the same place goes before a warning", () => {
    const given = known({
      errors: [40_000],
      warnings: [7, 40_000],
      notes: [
        { at: 7, level: "error", text: "the worker was lost" },
        { at: 8, level: "note", text: "Attempt 1 started" },
      ],
    });
    expect(standsOut(given, 5).shown).toEqual([
      { line: 7, level: "error", text: "the worker was lost", event: true },
      { line: 40_000, level: "error", text: "" },
    ]);
  });

  test("an event at the end, where the server names a line that there is not, is said by its words", () => {
    const notes = [{ at: 318, level: "error", text: "The worker stopped answering" }];
    expect(standsOut(known({ errors: [318], notes }), 5).shown).toEqual([
      { line: 318, level: "error", text: "The worker stopped answering", event: true },
    ]);
    // Where the line is, it says more.
    expect(
      standsOut(known({ errors: [318], notes, texts: { 318: "disk full" } }), 5).shown,
    ).toEqual([{ line: 318, level: "error", text: "disk full" }]);
  });

  test("of many the errors are shown, and the rest is counted", () => {
    const given = known({ warnings: [1, 2, 3, 4], errors: [10, 20] });
    const { shown, more } = standsOut(given, 3);
    expect(shown.map(({ line }) => line)).toEqual([1, 10, 20]);
    expect(more).toBe(3);
  });

  test("what lines say of themselves counts less than what was declared, and a traceback is called by its end", () => {
    const given = known({
      levels: [[4, "warning"]],
      detected: [
        [4, "error"],
        [5, "error"],
        [9, "warning"],
      ],
      texts: {
        4: "ERROR retried",
        5: "Traceback (most recent call last):",
        6: '  File "/srv/tasks.py", line 1, in load',
        7: "    boom()",
        8: "ValueError: no",
        9: "WARNING late ",
      },
    });
    expect(standsOut(given, 5).shown).toEqual([
      { line: 4, level: "warning", text: "retried" },
      { line: 5, level: "error", text: "ValueError: no" },
      { line: 9, level: "warning", text: "late" },
    ]);
  });

  const TRACEBACK = {
    2: "Traceback (most recent call last):",
    3: '  File "/srv/tasks.py", line 1, in load',
    4: "ValueError: no",
  };

  test.each([
    ["says of itself", { detected: [[1, "error"]] }, "12:00:01 ERROR load failed"],
    ["was declared to be", { levels: [[1, "error"]] }, "::error::load failed"],
    ["the server knows", { errors: [1] }, "load failed"],
  ] as const)("an error, as it %s, with a traceback right below it is one entry", (_, by, text) => {
    const given = known({
      ...by,
      detected: [...("detected" in by ? by.detected : []), [2, "error"]],
      texts: { 1: text, ...TRACEBACK },
    });
    expect([...levelsOf(given)]).toEqual([[1, "error"]]);
    expect(standsOut(given, 5)).toEqual({
      shown: [{ line: 1, level: "error", text: "load failed · ValueError: no" }],
      more: 0,
    });
  });

  test("what a traceback ended in is not said twice; one below a warning, or further below, stands for itself", () => {
    const texts = { 1: "ERROR load: ValueError: no", ...TRACEBACK, 7: TRACEBACK[2] };
    const detected = [
      [1, "error"],
      [2, "error"],
      [7, "error"],
    ] as const;
    expect(standsOut(known({ detected, texts }), 5).shown).toEqual([
      { line: 1, level: "error", text: "load: ValueError: no" },
      { line: 7, level: "error", text: TRACEBACK[2] },
    ]);
    const given = known({ levels: [[1, "warning"]], detected, texts });
    expect([...levelsOf(given).keys()].sort()).toEqual([1, 2, 7]);
  });
});

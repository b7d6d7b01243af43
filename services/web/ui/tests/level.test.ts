// Which lines say themselves that they are errors or warnings, and which only speak of them.

import { describe, expect, test } from "vitest";
import vectors from "../../../../tests/support/level_vectors.json";
import {
  type Detected,
  levelExpression,
  levelOf,
  loudness,
  messageOf,
} from "../src/log/model/level";

describe("the level of a line", () => {
  test.each(vectors.lines as [string, string | null][])("%j: %s", (line, level) => {
    expect(levelOf(line)).toBe(level);
    expect(loudness(line)).toBe(level === "error" || level === "warning" ? level : null);
  });

  test("colours do not hide it", () => {
    expect(loudness("\u001b[31;1mERROR\u001b[0m disk full")).toBe("error");
    expect(loudness("12:00:01 [\u001b[33mwarning  \u001b[0m] slow")).toBe("warning");
  });

  test.each([
    ["[2026-11-30 12:00:01,123: ERROR/ForkPoolWorker-1] Task failed", "Task failed"],
    ["2026-11-30 12:00:00,500 WARNING app.tasks: 3 rows", "app.tasks: 3 rows"],
    ["2026-11-30 12:00:01,123 - my.module - ERROR - disk full", "disk full"],
    ["12:00:01 [warning  ] slow", "slow"],
    ["error: could not compile", "could not compile"],
    ["ERROR", "ERROR"],
    ['level=error msg="disk full" n=1', "disk full"],
    ['{"level": "error", "message": "disk full"}', "disk full"],
    ['{"level": "error", "n": 1}', '{"level": "error", "n": 1}'],
    ["{broken", "{broken"],
    ["src/main.c:10:5: error: 'x' undeclared", "src/main.c:10:5: error: 'x' undeclared"],
  ])("%s says %s", (line, message) => {
    expect(messageOf(line)).toBe(message);
  });

  test("the server is asked for what its own test tries", () => {
    for (const [levels, expression] of Object.entries(vectors.expressions)) {
      expect(levelExpression(levels.split(" ") as Detected[])).toBe(expression);
      expect(expression.length).toBeLessThanOrEqual(1_000);
    }
    expect(Object.keys(vectors.expressions)).toHaveLength(2);
  });

  test("hostile lines are looked at in time", () => {
    const began = performance.now();
    for (const text of ["a=".repeat(30_000), `{${'"level"'.repeat(9_000)}`, "[1] ".repeat(20_000)])
      loudness(`12:00:01 ${text} error`);
    loudness(`{${'"level":'.repeat(9_000)}`);
    loudness(`${"a=b ".repeat(9_000)}error`);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

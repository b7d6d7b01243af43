// The small pure parts of the page.

import { describe, expect, test } from "vitest";
import { runOf } from "../src/address";
import type { Run } from "../src/api";
import { faultOf } from "../src/form/rules";
import { type Field, fields, fieldValue } from "../src/schema";
import { connectionWords, nextConnection, stands, waitMs } from "../src/socket";
import { duration, lasted } from "../src/time";
import { attemptWords, exitWords, sinceWords, tookMs } from "../src/words";

test("an address names its run, whatever stands in it", () => {
  expect(runOf("/", "")).toBeNull();
  expect(runOf("/runs/a/text", "")).toBeNull();
  expect(runOf("/runs/nightly%3A%2050%25%20of%20%237%3F", "")).toBe("nightly: 50% of #7?");
  // Typed by hand.
  expect(runOf("/runs/100%", "")).toBe("100%");
});

test("an address under a base path names its run", () => {
  for (const path of ["/a/b", "/a/b/", "/runs/x", "/a/runs/x", "/a/b/runs/", "/a/b/runs/x/text"])
    expect(runOf(path, "/a/b")).toBeNull();
  expect(runOf("/a/b/runs/x", "/a/b")).toBe("x");
});

describe("schema", () => {
  const schema = {
    properties: {
      name: { type: "string", description: "Who" },
      lines: { type: "integer", default: 20 },
      fast: { type: "boolean", default: true },
      region: { enum: ["eu", "us"], default: "eu" },
      roles: { type: "array", default: ["web"] },
    },
    required: ["name"],
  };

  test("becomes fields with defaults", () => {
    expect(
      fields(schema).map(({ name, kind, initial, required }) => [name, kind, initial, required]),
    ).toEqual([
      ["name", "text", "", true],
      ["lines", "integer", "20", false],
      ["fast", "boolean", "true", false],
      ["region", "choice", "eu", false],
      ["roles", "json", '["web"]', false],
    ]);
  });

  const field = (name: string): Field => {
    const found = fields(schema).find((one) => one.name === name);
    if (!found) throw new Error(name);
    return found;
  };

  test("texts become JSON values", () => {
    expect(fieldValue(field("lines"), "3")).toBe(3);
    expect(fieldValue(field("lines"), "")).toBeUndefined();
    expect(fieldValue(field("fast"), "false")).toBe(false);
    expect(faultOf(field("name"), "")).toBe("is required");
    expect(fieldValue(field("roles"), '["a"]')).toEqual(["a"]);
    expect(() => fieldValue(field("roles"), "[")).toThrow("JSON");
  });
});

describe("connection", () => {
  test("waits grow, are bounded and spread", () => {
    expect(waitMs(0, 0.5)).toBe(500);
    expect(waitMs(3, 0.5)).toBe(4000);
    expect(waitMs(1000, 0.5)).toBe(10_000);
    expect(waitMs(3, 0)).toBeLessThan(waitMs(3, 1));
  });

  test("is tried again after longer and longer waits, and at once when somebody asks", () => {
    const begun = { connection: { state: "connecting" }, failures: 0 } as const;
    const lost = nextConnection(begun, "lost", 1_000, 0.5, true);
    expect(lost).toEqual({
      connection: { state: "lost", at: 1_500, failures: 1 },
      failures: 1,
      waitMs: 500,
    });
    const again = nextConnection(lost, "lost", 2_000, 0.5, true);
    expect([again.failures, again.waitMs]).toEqual([2, 1_000]);
    const asked = nextConnection(again, "try-now", 2_100, 0.5, true);
    expect([asked.connection.state, asked.failures, asked.waitMs]).toEqual(["connecting", 2, 0]);
    const back = nextConnection(asked, "connected", 2_200, 0.5, true);
    expect([back.connection.state, back.failures, back.waitMs]).toEqual(["connected", 0, null]);
    expect(nextConnection(back, "try-now", 2_300, 0.5, true).connection).toEqual(back.connection);
  });

  test("without a network it says so; a server that is replaced is left after a moment", () => {
    const connected = { connection: { state: "connected" }, failures: 0 } as const;
    expect(nextConnection(connected, "offline", 0, 0.5, false).connection.state).toBe("connected");
    const lost = nextConnection(connected, "lost", 0, 0.5, false);
    expect([lost.connection.state, lost.failures, lost.waitMs]).toEqual(["offline", 1, 500]);
    const moving = nextConnection(connected, "sent-away", 1_000, 0.5, true);
    expect(moving).toEqual({
      connection: { state: "moving", at: 3_500 },
      failures: 0,
      waitMs: 2_500,
    });
  });

  test("a server that lets it connect anew is no loss: the page says nothing of it", () => {
    const connected = { connection: { state: "connected" }, failures: 0 } as const;
    const renewed = nextConnection(connected, "renewed", 1_000, 0.5, true);
    expect(renewed).toEqual({ connection: { state: "renewing" }, failures: 0, waitMs: 125 });
    expect(stands(renewed.connection)).toBe(true);
    expect(connectionWords(renewed.connection, 1_000)).toBe("Connected");
    // If that fails, it is one.
    expect(stands(nextConnection(renewed, "lost", 1_100, 0.5, true).connection)).toBe(false);
  });

  test("is said in words", () => {
    expect(connectionWords({ state: "lost", at: 5_000, failures: 1 }, 2_100)).toBe(
      "Connection lost. Retrying in 3 s.",
    );
    expect(connectionWords({ state: "offline" }, 0)).toBe("You are offline.");
  });
});

describe("time", () => {
  test.each([
    [-5, "0 s"],
    [4_900, "4 s"],
    [200_000, "3 min 20 s"],
    [7_500_000, "2 h 5 min"],
    [273_600_000, "3 d 4 h"],
  ])("%d ms is %s", (ms, words) => {
    expect(duration(ms)).toBe(words);
  });

  test.each([
    [-5, "< 0.1 s"],
    [99, "< 0.1 s"],
    [100, "0.1 s"],
    [450, "0.4 s"],
    [9_999, "9.9 s"],
    [10_000, "10 s"],
    [200_000, "3 min 20 s"],
  ])("%d ms that are over lasted %s", (ms, words) => {
    expect(lasted(ms)).toBe(words);
  });

  const run = {
    state: "running",
    attempt: 1,
    since_ms: 1_000,
    started_ms: 1_000,
    first_started_ms: 1_000,
    finished_ms: null,
  } as Run;

  test("of a run that was retried", () => {
    const third: Run = { ...run, attempt: 3, since_ms: 7_000, started_ms: 7_000 };
    expect(sinceWords(third, 9_000)).toBe("for 2 s, 8 s in total");
    expect(attemptWords(third, 9_000)).toBe("3 (for 2 s)");
    const over: Run = { ...third, state: "failed", finished_ms: 7_040 };
    expect(sinceWords(over, 67_040)).toBe("1 min ago, took 6.0 s in 3 attempts");
    expect(attemptWords(over, 67_040)).toBe("3 (took < 0.1 s)");
    expect(tookMs(over, 67_040)).toBe(6_040);
    const waits: Run = { ...third, state: "queued" };
    expect(attemptWords(waits, 9_000)).toBe("3");
    expect(attemptWords({ ...run, attempt: 0 }, 9_000)).toBe("none yet");
    expect(attemptWords(run, 9_000)).toBe("1");
  });

  test("of a run", () => {
    expect(sinceWords(run, 61_000)).toBe("for 1 min");
    const over: Run = {
      ...run,
      state: "failed",
      finished_ms: 31_000,
      exit_status: 3,
      signal: null,
    };
    expect(sinceWords(over, 91_000)).toBe("1 min ago, took 30 s");
    expect(exitWords(over)).toBe("exit status 3");
    expect(exitWords({ ...over, signal: 9 })).toBe("ended by signal 9");
  });
});

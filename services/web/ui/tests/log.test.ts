// The words for events and cuts.

import { describe, expect, test } from "vitest";
import { cutWords, eventWords } from "../src/log/model/words";

describe("words", () => {
  test("says what replaced a task, and what was executed beside it", () => {
    expect(eventWords({ kind: "replaced", task: "etl.load" })).toEqual({
      text: "Replaced by etl.load",
      level: "note",
    });
    const many = eventWords({ kind: "overlap", count: 3 });
    expect(many.text).toBe(
      "3 other tasks with this id were executed at the same time and not recorded",
    );
    expect(many.level).toBe("warning");
  });

  test("an unknown event is shown, not hidden", () => {
    expect(eventWords({ kind: "from-the-future" }).text).toBe("from-the-future");
  });

  test("what was redrawn is named", () => {
    expect(eventWords({ kind: "redrawn", from: 7, to: 7 }).text).toMatch(/^Line 7 was redrawn/);
    expect(eventWords({ kind: "redrawn", from: 7, to: 1009 }).text).toMatch(/^Lines 7-1,009 were/);
  });

  test("a failed end is an error and says why", () => {
    const words = eventWords({ kind: "end", state: "failed", why: "exit status 3" });
    expect(words).toEqual({ text: "Failed: exit status 3", level: "error" });
  });

  test("output of an earlier run's process names that run", () => {
    const words = eventWords({ kind: "earlier-run", run: "nightly" });
    expect(words).toEqual({
      text: "From here on, a process that an earlier run left behind writes here as well: nightly",
      level: "note",
    });
  });

  test("a cut says how much", () => {
    const cut = {
      from: 1,
      to: 2,
      bytes: 1234,
      entries: 1,
      chain: "",
      last: { attempt: 1, seq: 1 },
    };
    expect(cutWords(cut).text).toContain("1,234 bytes");
  });
});

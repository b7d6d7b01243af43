// What a log looks like: rows, words, and text made visible.

import { describe, expect, test } from "vitest";
import { firstLine, rowsOf } from "../src/log/rows";
import { clipped, SHOWN_CHARACTERS, visible } from "../src/log/visible";
import { cutWords, eventWords } from "../src/log/words";
import type { Entry } from "../src/protocol/entry";

const encoder = new TextEncoder();

function entry(text: string, more: Partial<Entry> = {}): Entry {
  return {
    id: { attempt: 1, seq: 1 },
    type: "o",
    from: 7,
    n: 1,
    t: 0,
    payload: encoder.encode(text),
    chain: "",
    continues: false,
    ...more,
  };
}

describe("rows", () => {
  test("an output entry has a row per line, with its number", () => {
    const rows = rowsOf(entry("a\n\nb\n"));
    expect(rows.map((row) => row.kind === "line" && [row.line, row.text])).toEqual([
      [7, "a"],
      [8, ""],
      [9, "b"],
    ]);
  });

  test("only the last line of a piece goes on", () => {
    const rows = rowsOf(entry("a\nb", { continues: true }));
    expect(rows.map((row) => row.kind === "line" && row.continues)).toEqual([false, true]);
  });

  test("events and cuts are rows of their own, without a number", () => {
    const payload = encoder.encode('{"kind":"warning","text":"<b>hot</b>"}');
    const rows = [
      ...rowsOf(entry("", { type: "e", payload, n: 0 })),
      ...rowsOf({
        from: 4,
        to: 912000,
        bytes: 88,
        entries: 3,
        chain: "",
        last: { attempt: 1, seq: 9 },
      }),
      ...rowsOf(entry("x\n")),
    ];
    expect(rows.map((row) => row.kind)).toEqual(["event", "cut", "line"]);
    expect(rows[0]?.text).toBe("Warning: <b>hot</b>");
    expect(rows[1]?.text).toContain("Lines 4-912,000 were cut");
    expect(firstLine(rows)).toBe(7);
    expect(firstLine([])).toBe(0);
  });
});

describe("words", () => {
  test("an unknown event is shown, not hidden", () => {
    expect(eventWords({ kind: "from-the-future" }).text).toBe("from-the-future");
  });

  test("a failed end is an error and says why", () => {
    const words = eventWords({ kind: "end", state: "failed", why: "exit status 3" });
    expect(words).toEqual({ text: "Failed: exit status 3", level: "error" });
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

describe("visible", () => {
  test.each([
    ["plain", "plain"],
    ["\u001b[1;31mred\u001b[0m", "red"],
    ["\u001b[38;2;1;2;3mx\u001b[K", "x"],
    ["\u001b]0;title\u0007text", "text"],
    ["\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\", "link"],
    ["\u001b", "␛"],
    ["a\u001b[", "a␛["],
    ["bell\u0007", "bell␇"],
    ["tab\tstays", "tab\tstays"],
    ["windows\r", "windows"],
    ["over\rwritten", "over␍written"],
    ["\u202egnp.exe", "\ufffdgnp.exe"],
    ["<script>alert(1)</script>", "<script>alert(1)</script>"],
  ])("%j is shown as %j", (line, shown) => {
    expect(visible(line)).toBe(shown);
  });

  test("hostile input takes linear time", () => {
    const started = performance.now();
    for (const piece of ["\u001b", "\u001b[", "\u001b]", "\u001b[1;", "\u001b]8;;"]) {
      visible(piece.repeat(1_000_000 / piece.length));
      visible(piece + "1".repeat(1_000_000));
    }
    // A quadratic regular expression takes minutes.
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test("a long line is clipped and says by how much", () => {
    const shown = clipped("x".repeat(SHOWN_CHARACTERS + 5));
    expect([shown.text.length, shown.more]).toEqual([SHOWN_CHARACTERS, 5]);
    expect(clipped("short").more).toBe(0);
  });
});

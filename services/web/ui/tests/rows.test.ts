// Rows, lines, notes and folded groups, held against a naive model.

import { describe, expect, test } from "vitest";
import { type Fold, type Note, Rows } from "../src/log/model/rows";

function note(at: number, seq: number, to = at - 1): Note {
  return {
    kind: to >= at ? "cut" : "event",
    id: { attempt: 1, seq },
    at,
    to,
    text: `${seq}`,
    level: "note",
    t: 0,
    group: false,
  };
}

function naive(lines: number, notes: readonly Note[], folds: readonly Fold[]): string[] {
  const rows: string[] = [];
  for (let line = 1; line <= lines + 1; line += 1) {
    for (const one of notes.filter((each) => each.at === line)) {
      const inside = folds.some((fold) => {
        if (fold.after === null) return false;
        if (one.id.seq === fold.after.seq) return false;
        if (one.at < fold.first || (one.at === fold.first && one.id.seq < fold.after.seq))
          return false;
        return (
          one.at <= fold.last || (one.at === fold.last + 1 && one.id.seq < (fold.before?.seq ?? 0))
        );
      });
      if (!inside) rows.push(`n${one.text}`);
    }
    const cut = notes.some((one) => line >= one.at && line <= one.to);
    const folded = folds.some((fold) => line >= fold.first && line <= fold.last);
    if (line <= lines && !cut && !folded) rows.push(`l${line}`);
  }
  return rows;
}

function drawn(rows: Rows): string[] {
  const made: string[] = [];
  for (let row = 0; row < rows.count; row += 1) {
    const shown = rows.at(row);
    made.push(
      shown.kind === "line"
        ? `l${shown.line}`
        : shown.kind === "note"
          ? `n${shown.note.text}`
          : "live",
    );
  }
  return made;
}

/** Numbers that are the same in every run. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

describe("rows", () => {
  test("random logs are what a naive model says", () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const roll = dice(seed);
      const lines = 5 + roll(60);
      const notes: Note[] = [];
      let at = 1;
      for (let seq = 1; at <= lines && seq < 30; seq += 1) {
        at += roll(5);
        if (at > lines + 1) break;
        if (roll(12) === 0 && at + 3 <= lines) {
          notes.push(note(at, seq, at + 2));
          at += 3;
        } else notes.push(note(at, seq));
      }
      const events = notes.filter((one) => one.kind === "event");
      const folds: Fold[] = [];
      for (let i = 0; i + 1 < events.length; i += 2 + roll(3)) {
        const [head, end] = [events[i], events[i + 1]];
        if (!head || !end) continue;
        if (notes.some((one) => one.kind === "cut" && one.at >= head.at && one.at < end.at))
          continue;
        if (folds.some((fold) => fold.last >= head.at)) continue;
        folds.push({ first: head.at, last: end.at - 1, after: head.id, before: end.id });
      }
      const rows = new Rows();
      // In order with growth, or late: the result is the same.
      if (roll(2) === 0) {
        for (const one of notes) {
          rows.grow(Math.max(0, Math.min(one.at - 1, lines)));
          rows.add([one]);
          rows.grow(Math.min(one.to, lines));
        }
        rows.grow(lines);
      } else {
        rows.grow(lines);
        rows.add([...notes].reverse());
        rows.add(notes);
      }
      expect(drawn(rows)).toEqual(naive(lines, notes, []));
      rows.fold(folds);
      const expected = naive(lines, notes, folds);
      expect(drawn(rows)).toEqual(expected);
      for (let row = 0; row < rows.count; row += 1) {
        expect(rows.rowOfAnchor(rows.anchor(row))).toBe(row);
      }
      for (const [row, name] of expected.entries()) {
        if (name.startsWith("l")) expect(rows.rowOf(Number(name.slice(1)))).toBe(row);
      }
    }
  });

  test("a line that was cut or folded is found at the row that stands for it", () => {
    const rows = new Rows();
    rows.grow(100);
    rows.add([note(10, 1, 49), note(60, 2)]);
    rows.fold([{ first: 60, last: 80, after: { attempt: 1, seq: 2 }, before: null }]);
    expect(rows.at(rows.rowOf(30))).toMatchObject({ kind: "note", note: { at: 10 } });
    expect(rows.at(rows.rowOf(70))).toMatchObject({ kind: "note", note: { at: 60 } });
    expect(rows.at(rows.rowOf(81))).toEqual({ kind: "line", line: 81 });
    expect(rows.hidden(70)).toBe(true);
  });

  test("an open folded group takes what comes", () => {
    const rows = new Rows();
    rows.grow(5);
    rows.add([note(6, 1)]);
    rows.fold([
      { first: 6, last: Number.POSITIVE_INFINITY, after: { attempt: 1, seq: 1 }, before: null },
    ]);
    rows.grow(500);
    expect(rows.count).toBe(6);
  });

  test("the live line is the last row", () => {
    const rows = new Rows();
    rows.grow(2);
    rows.live = 1;
    expect(drawn(rows)).toEqual(["l1", "l2", "live"]);
    rows.live = 3;
    expect(rows.count).toBe(5);
    expect([2, 3, 4].map((row) => rows.at(row))).toEqual(
      [0, 1, 2].map((index) => ({ kind: "live", index })),
    );
  });

  test("10,000 groups over 2,000,000 lines are quick", () => {
    const rows = new Rows();
    rows.grow(2_000_000);
    const heads = Array.from({ length: 10_000 }, (_, i) => note(1 + i * 200, i + 1));
    const began = performance.now();
    rows.add(heads);
    rows.fold(
      heads.map((one) => ({ first: one.at, last: one.at + 150, after: one.id, before: null })),
    );
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(rows.count).toBe(10_000 + 2_000_000 - 10_000 * 151);
  });
});

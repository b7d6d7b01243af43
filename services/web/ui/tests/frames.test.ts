// Frames of libraries in tracebacks: which of them are folded, when, and how they lie between the groups.

import { describe, expect, test } from "vitest";
import { Folds, merged } from "../src/log/model/folds";
import { Frames, MOST_RUNS } from "../src/log/model/frames";
import { Groups } from "../src/log/model/groups";
import { type Fold, Rows } from "../src/log/model/rows";
import { libraryRuns } from "../src/log/model/traceback";

const LIB = "/usr/lib/python3.12/json/decoder.py";
const library = (margin = "") => [`${margin}  File "${LIB}", line 1, in f`, `${margin}    f()`];
const own = ['  File "/srv/app/tasks.py", line 1, in load', "    load()", "    ^^^^^^"];
const BEGIN = "Traceback (most recent call last):";

function stored(lines: readonly (string | undefined)[], from = 1) {
  return { get: (line: number) => lines[line - from] };
}

function runsIn(lines: readonly string[]): [first: number, last: number, frames: number][] {
  const found = libraryRuns(stored(lines), 1, lines.length);
  return found.map(({ first, last, frames }) => [first, last, frames]);
}

function around(first: number, last: number): Fold {
  return { first, last, after: { attempt: 1, seq: 1 }, before: null };
}

describe("runs of libraries' frames", () => {
  test("between one's own frames, and at the beginning", () => {
    const two = [...library(), ...library()];
    expect(runsIn([BEGIN, ...two, ...own, ...two, ...library(), ...own, "ValueError: no"])).toEqual(
      [
        [2, 5, 2],
        [9, 14, 3],
      ],
    );
  });

  test("the frame that raised stays, and so does the error", () => {
    const three = [...library(), ...library(), ...library()];
    expect(runsIn([BEGIN, ...own, ...three, "ValueError: no"])).toEqual([[5, 8, 2]]);
    expect(runsIn([BEGIN, ...own, ...library(), ...library(), "ValueError: no"])).toEqual([]);
  });

  test("one frame, or two lines, are no run", () => {
    const frozen = '  File "<frozen importlib._bootstrap>", line 1, in f';
    expect(runsIn([BEGIN, ...library(), ...own, "E"])).toEqual([]);
    expect(runsIn([BEGIN, frozen, frozen, ...own, "E"])).toEqual([]);
    expect(runsIn([BEGIN, frozen, frozen, frozen, ...own, "E"])).toEqual([[2, 4, 3]]);
  });

  test("what is underlined, left out and repeated belongs to its frame", () => {
    const marked = [...library(), "    ~^^", "  [Previous line repeated 975 more times]"];
    expect(runsIn([BEGIN, ...marked, ...library(), ...own, "E"])).toEqual([[2, 7, 2]]);
  });

  test("in colour, and in a group of exceptions, whose errors stay", () => {
    const colour = library().map((line) => line.replace(/"(.*)"/, '\u001b[35m"$1"\u001b[0m'));
    expect(runsIn([BEGIN, ...colour, ...colour, ...own, "E"])).toEqual([[2, 5, 2]]);
    const inner = "    | ";
    const lines = [
      "  + Exception Group Traceback (most recent call last):",
      ...library("  | "),
      ...library("  | "),
      ...library("  | "),
      "  | ExceptionGroup: two (2 sub-exceptions)",
      "  +-+---------------- 1 ----------------",
      `${inner}${BEGIN}`,
      ...library(inner),
      ...library(inner),
      ...library(inner),
      `${inner}ValueError: no`,
      "    +------------------------------------",
    ];
    expect(runsIn(lines)).toEqual([
      [2, 5, 2],
      [11, 14, 2],
    ]);
  });

  test("what only looks like it is left alone", () => {
    expect(runsIn(["{", ...Array.from({ length: 50 }, () => '    "File ": 1,'), "}"])).toEqual([]);
    // Source that is longer than source is ends the run: nobody knows what it is.
    const long = [...library(), ...Array.from({ length: 9 }, () => "    x")];
    expect(runsIn([BEGIN, ...library(), ...library(), ...long, ...own])).toEqual([[2, 5, 2]]);
  });
});

describe("frames that come", () => {
  const traceback = [BEGIN, ...library(), ...library(), ...library(), ...own, "ValueError: no"];
  const folded = (frames: Frames) => frames.folds().map(({ first, last }) => [first, last]);

  test("line by line: folded when the line behind them is here", () => {
    const frames = new Frames();
    for (let line = 1; line <= traceback.length; line += 1) {
      const changed = frames.came(stored(traceback.slice(0, line)), line, line);
      expect(changed).toBe(line === 8);
    }
    expect(folded(frames)).toEqual([[2, 7]]);
    expect(frames.heads).toMatchObject([{ at: 2, to: 1, text: "3 frames of libraries" }]);
  });

  test("from the end: what comes before belongs to it, and keeps what the reader chose", () => {
    const frames = new Frames();
    const half = traceback.map((line, index) => (index < 3 ? undefined : line));
    frames.came(stored(half), 4, traceback.length);
    expect(folded(frames)).toEqual([[4, 7]]);
    expect(frames.reveal(5)).toBe(true);
    expect(frames.came(stored(traceback), 1, 3)).toBe(true);
    expect(frames.all).toMatchObject([{ first: 2, last: 7, folded: false }]);
    // A part of what is known is nothing new.
    expect(frames.came(stored(half), 4, traceback.length)).toBe(false);
    expect(frames.all).toMatchObject([{ first: 2, last: 7, title: "3 frames of libraries" }]);
  });

  test("a line that was asked for stays open when it comes, and so does what is being read", () => {
    const frames = new Frames();
    expect(frames.reveal(3)).toBe(false);
    frames.came(stored(traceback), 1, traceback.length);
    frames.came(stored(traceback, 101), 101, 111);
    frames.came(stored(traceback, 201), 205, 211, 204);
    expect(folded(frames)).toEqual([[102, 107]]);
    frames.clear();
    expect([frames.all, frames.heads]).toEqual([[], []]);
  });

  test("opened all together, later ones of these lines too, and not those behind them", () => {
    const frames = new Frames();
    frames.came(stored(traceback, 101), 101, 111);
    frames.foldAll(false, 150);
    frames.came(stored(traceback), 1, traceback.length);
    frames.came(stored(traceback, 201), 201, 211);
    expect(folded(frames)).toEqual([[202, 207]]);
  });

  test("so many and no more", () => {
    const frames = new Frames();
    const many = Array.from({ length: MOST_RUNS + 5 }, () => traceback).flat();
    expect(frames.came(stored(many), 1, many.length)).toBe(true);
    expect(frames.all).toHaveLength(MOST_RUNS);
    expect(frames.came(stored(many), 1, many.length)).toBe(false);
  });

  test("100,000 lines that are no traceback cost nearly nothing", () => {
    const lines = Array.from({ length: 100_000 }, (_, n) => `${n} "File " of a usual length`);
    const indented = lines.map((line) => `    ${line}`);
    const began = performance.now();
    expect(runsIn(lines)).toEqual([]);
    expect(runsIn(indented)).toEqual([]);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

describe("folds of groups and frames", () => {
  test("frames in a folded group are gone with it, others stay in order", () => {
    const frames = [
      [5, 8],
      [12, 15],
      [30, 34],
    ].map(([first = 0, last = 0]): Fold => ({ first, last, after: null, before: null }));
    const all = merged([around(10, 20), around(40, Number.POSITIVE_INFINITY)], frames);
    expect(all.map(({ first, last }) => [first, last])).toEqual([
      [5, 8],
      [10, 20],
      [30, 34],
      [40, Number.POSITIVE_INFINITY],
    ]);
  });

  test("rows: a header that stays, an event that is never hidden, a group that hides both", () => {
    const rows = new Rows();
    const groups = new Groups();
    const frames = new Frames();
    const folds = new Folds(groups, frames, rows);
    const traceback = [BEGIN, ...library(), ...library(), ...own, "ValueError: no"];
    rows.grow(30);
    const id = { attempt: 1, seq: 9 };
    rows.add([{ kind: "event", id, at: 14, to: 13, text: "", level: "error", t: 0, group: false }]);
    frames.came(stored(traceback, 11), 11, 19);
    folds.apply();
    const shown = () =>
      Array.from({ length: rows.count }, (_, row) => rows.at(row)).map((one) =>
        one.kind === "line" ? one.line : one.kind === "note" ? one.note.kind : one.kind,
      );
    expect(shown().slice(10, 15)).toEqual([11, "frames", "event", 16, 17]);
    expect(rows.notes).toHaveLength(1);
    expect([rows.hidden(11), rows.hidden(12), rows.hidden(15), rows.hidden(16)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(rows.at(rows.rowOf(12))).toMatchObject({ note: { kind: "frames" } });
    const [run] = frames.all;
    if (!run) throw new Error("no run");
    expect(folds.of(run.id)).toBe(run);
    folds.fold(run, false);
    folds.apply();
    expect(shown().slice(10, 17)).toEqual([11, "frames", 12, 13, "event", 14, 15]);
    expect(rows.rowOf(12)).toBe(12);
    // All are folded, then all are open.
    groups.add([{ id: { attempt: 1, seq: 1 }, kind: "group", at: 5, line: null, title: "", t: 0 }]);
    expect(folds.foldAll()).toBe(true);
    folds.apply();
    expect(shown()).toEqual([1, 2, 3, 4]);
    expect(folds.reveal(13)).toBe(true);
    folds.apply();
    expect(shown()).toContain(13);
    expect(folds.foldAll()).toBe(true);
    expect(folds.foldAll()).toBe(false);
    folds.apply();
    expect(shown()).toHaveLength(32);
  });
});

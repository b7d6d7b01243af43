// Frames of libraries in tracebacks, folded where they follow each other: each run of them is a group with a header of
// its own. A bounded number of them. Pure.

import type { EntryId } from "../../protocol/entry";
import type { Group } from "./groups";
import type { Fold, Note } from "./rows";
import { type FrameRun, libraryRuns } from "./traceback";

/** So many are folded: the first that came. */
export const MOST_RUNS = 2_000;
/** So many lines that were asked for stay open when their frames come. */
const MOST_ASKED = 100;
/** No event has it: behind all that happened before the same line. */
const ATTEMPT = Number.MAX_SAFE_INTEGER;

interface StoredLines {
  get(line: number): string | undefined;
}

export class Frames {
  /** By the last line, in which nothing changes when earlier lines come later. */
  readonly #runs = new Map<number, Group>();
  #all: readonly Group[] = [];
  #heads: readonly Note[] = [];
  /** All up to this line were opened, those as well that come later. */
  #openTo = 0;
  #asked: number[] = [];

  /** In the order of their lines. */
  get all(): readonly Group[] {
    return this.#all;
  }

  /** The headers, which are there whether the frames are folded or not. */
  get heads(): readonly Note[] {
    return this.#heads;
  }

  clear(): void {
    this.#runs.clear();
    this.#openTo = 0;
    this.#asked = [];
    this.#order();
  }

  /**
   * Lines have come.
   *
   * @param readTo - The last line before them that a reader may be looking at: what begins there is not folded by itself.
   * @returns Whether there is anything new to fold.
   */
  came(lines: StoredLines, first: number, last: number, readTo = 0): boolean {
    let changed = false;
    for (const run of libraryRuns(lines, first, last)) {
      const known = this.#runs.get(run.last);
      if (known ? known.first <= run.first : this.#runs.size >= MOST_RUNS) continue;
      const asked = this.#asked.some((line) => line >= run.first && line <= run.last);
      const open = asked || run.first <= readTo || run.last <= this.#openTo;
      this.#runs.set(run.last, groupOf(run, known?.folded ?? !open));
      changed = true;
    }
    if (changed) this.#order();
    return changed;
  }

  of(id: EntryId): Group | undefined {
    return id.attempt === ATTEMPT ? this.#runs.get(id.seq) : undefined;
  }

  /** The run that a line is in. */
  around(line: number): Group | undefined {
    return this.#all.find((run) => line >= run.first && line <= run.last);
  }

  /** Up to a line, those as well that come later. */
  foldAll(folded: boolean, to: number): void {
    for (const run of this.#all) run.folded = folded;
    this.#openTo = folded ? 0 : to;
  }

  /** Open the run that hides a line, also if it comes later; true if there was one. */
  reveal(line: number): boolean {
    this.#asked = [...this.#asked.slice(1 - MOST_ASKED), line];
    const run = this.around(line);
    if (!run?.folded) return false;
    run.folded = false;
    return true;
  }

  folds(): Fold[] {
    const folded = this.#all.filter((run) => run.folded);
    return folded.map(({ first, last }) => ({ first, last, after: null, before: null }));
  }

  #order(): void {
    this.#all = [...this.#runs.values()].sort((a, b) => a.first - b.first);
    this.#heads = this.#all.map(headOf);
  }
}

function groupOf({ first, last, frames }: FrameRun, folded: boolean): Group {
  return {
    id: { attempt: ATTEMPT, seq: last },
    title: `${frames} frames of libraries`,
    head: null,
    first,
    last,
    depth: 0,
    since: 0,
    until: 0,
    errors: 0,
    warnings: 0,
    folded,
    before: null,
    unclosed: false,
  };
}

function headOf({ id, title, first }: Group): Note {
  return {
    kind: "frames",
    id,
    at: first,
    to: first - 1,
    text: title,
    level: "note",
    t: 0,
    group: true,
  };
}

// How many runs there are in each state, of those that the other filters let through.

import { signal } from "@preact/signals";
import { Problem, type Run, type RunCounts, runCounts } from "../api";
import { serverNow } from "../clock";
import { apiQuery, type Filters } from "../filters";

/**
 * By state, and "" for all: never fewer than the rows that are shown, which are told of before they are counted.
 * @param rows - Those of the same filters.
 */
export function noFewer(
  counts: Readonly<Record<string, number>>,
  rows: readonly Run[],
): Readonly<Record<string, number>> {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const found: Record<string, number> = { ...counts, "": Math.max(all, rows.length) };
  const shown: Record<string, number> = {};
  for (const { state } of rows) shown[state] = (shown[state] ?? 0) + 1;
  for (const [state, count] of Object.entries(shown)) {
    found[state] = Math.max(found[state] ?? 0, count);
  }
  return found;
}

/** Changes come in crowds: what they add up to is asked for once. */
const PAUSE_MS = 2_000;

export class Counts {
  /** Null while they are not known: the server may have too many runs to look at, or none of this. */
  readonly byState = signal<RunCounts["counts"]>(null);
  #filters: Filters;
  #asked = 0;
  #waiting: ReturnType<typeof setTimeout> | null = null;

  constructor(filters: Filters) {
    this.#filters = filters;
  }

  filter(filters: Filters): void {
    this.#filters = filters;
    void this.refresh();
  }

  async refresh(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const { counts } = await runCounts(apiQuery({ ...this.#filters, state: "" }, serverNow()));
      if (asked === this.#asked) this.byState.value = counts;
    } catch (error) {
      // The list itself says what is wrong.
      if (asked === this.#asked && error instanceof Problem) this.byState.value = null;
    }
  }

  /** Some run has changed. */
  changed(): void {
    this.#waiting ??= setTimeout(() => {
      this.#waiting = null;
      void this.refresh();
    }, PAUSE_MS);
  }

  stop(): void {
    if (this.#waiting !== null) clearTimeout(this.#waiting);
  }
}

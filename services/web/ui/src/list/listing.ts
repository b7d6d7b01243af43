// The runs that are shown: fetched, refetched, extended by older pages, changed live.

import { signal } from "@preact/signals";
import { Problem, type Run, type RunList, runs } from "../api";
import { serverNow } from "../clock";
import { apiQuery, type Filters, isFiltered, matches } from "./filters";
import { extended, merged, refreshed } from "./merge";

export class Listing {
  /** Null until the first answer. */
  readonly rows = signal<readonly Run[] | null>(null);
  readonly next = signal<string | null>(null);
  readonly busy = signal(false);
  readonly problem = signal<Error | null>(null);
  /** The server knows no filters: only what was loaded is looked through. */
  readonly partly = signal(false);
  #filters: Filters;
  #asked = 0;
  #pages = 1;

  constructor(filters: Filters) {
    this.#filters = filters;
  }

  /** Other filters: old rows stay until the answer is there. */
  async filter(filters: Filters): Promise<void> {
    this.#filters = filters;
    this.#pages = 0;
    await this.refresh();
  }

  async refresh(): Promise<void> {
    const asked = ++this.#asked;
    this.busy.value = true;
    try {
      const page = await this.#page(null);
      if (asked !== this.#asked) return;
      const kept = this.#pages > 1 ? (this.rows.peek() ?? []) : [];
      this.rows.value = refreshed(kept, page.runs, page.next !== null);
      if (this.#pages <= 1 || page.next === null) {
        this.next.value = page.next;
        this.#pages = 1;
      }
      this.problem.value = null;
    } catch (error) {
      // The list never empties on an error.
      if (asked === this.#asked) this.problem.value = error as Error;
    }
    if (asked === this.#asked) this.busy.value = false;
  }

  async older(): Promise<void> {
    const cursor = this.next.peek();
    if (cursor === null) return;
    const asked = ++this.#asked;
    this.busy.value = true;
    try {
      const page = await this.#page(cursor);
      if (asked !== this.#asked) return;
      this.rows.value = extended(this.rows.peek() ?? [], page.runs);
      this.next.value = page.next;
      this.#pages += 1;
      this.problem.value = null;
    } catch (error) {
      if (asked === this.#asked) this.problem.value = error as Error;
    }
    if (asked === this.#asked) this.busy.value = false;
  }

  /** A run that the relay told of. */
  changed(run: Run): void {
    const rows = this.rows.peek();
    if (rows === null) return;
    if (matches(run, this.#filters, serverNow())) this.rows.value = merged(rows, run);
    else if (rows.some(({ id }) => id === run.id)) {
      this.rows.value = rows.filter(({ id }) => id !== run.id);
    }
  }

  async #page(cursor: string | null): Promise<RunList> {
    const filters = this.#filters;
    if (!this.partly.peek()) {
      try {
        return await runs(apiQuery(filters, serverNow()), cursor);
      } catch (error) {
        const names = error instanceof Problem ? error.errors.map(({ field }) => field) : [];
        const unknown = isFiltered(filters) && names.some((name) => name in filters);
        if (!unknown || !(error instanceof Problem) || error.status !== 422) throw error;
        this.partly.value = true;
      }
    }
    const page = await runs(new URLSearchParams(), cursor);
    const now = serverNow();
    return { ...page, runs: page.runs.filter((run) => matches(run, filters, now)) };
  }
}

// The runs that are shown: fetched, refetched, extended by older pages, changed live.

import { signal } from "@preact/signals";
import { Problem, type Run, type RunList, runs } from "../api";
import { serverNow } from "../clock";
import { apiQuery, type Filters, isFiltered, matches } from "../filters";
import { extended, merged, refreshed } from "./merge";

export class Listing {
  /** Null until the first answer. */
  readonly rows = signal<readonly Run[] | null>(null);
  readonly next = signal<string | null>(null);
  readonly busy = signal(false);
  /** An older page is on its way. */
  readonly extending = signal(false);
  readonly problem = signal<Error | null>(null);
  /** The server knows no filters: only what was loaded is looked through. */
  readonly partly = signal(false);
  /** What the rows are the answer to: the rows of other filters stay until that is there. */
  readonly answers = signal<Filters | null>(null);
  #filters: Filters;
  /** Rises with every refresh, and with every change of the filters: an answer to an older question is void. */
  #refreshes = 0;
  #views = 0;
  #waiting = 0;
  #pages = 1;

  constructor(filters: Filters) {
    this.#filters = filters;
  }

  /** Other filters: old rows stay until the answer is there. */
  async filter(filters: Filters): Promise<void> {
    this.#filters = filters;
    this.#views += 1;
    this.#pages = 0;
    await this.refresh();
  }

  async refresh(): Promise<void> {
    const asked = ++this.#refreshes;
    const filters = this.#filters;
    await this.#asking(
      () => asked === this.#refreshes,
      null,
      (page) => {
        const kept = this.#pages > 1 ? (this.rows.peek() ?? []) : [];
        this.rows.value = refreshed(kept, page.runs, page.next !== null);
        this.answers.value = filters;
        if (this.#pages <= 1 || page.next === null) {
          this.next.value = page.next;
          this.#pages = 1;
        }
      },
    );
  }

  /** The next page below; a refresh meanwhile takes nothing away from it. */
  async older(): Promise<void> {
    const cursor = this.next.peek();
    if (cursor === null || this.extending.peek()) return;
    this.extending.value = true;
    const view = this.#views;
    // Counted from now on: a refresh must not begin the list anew while its page is under way.
    this.#pages += 1;
    let came = false;
    await this.#asking(
      () => view === this.#views,
      cursor,
      (page) => {
        this.rows.value = extended(this.rows.peek() ?? [], page.runs);
        this.next.value = page.next;
        came = true;
      },
    );
    this.extending.value = false;
    if (!came && view === this.#views) this.#pages -= 1;
  }

  async #asking(
    current: () => boolean,
    cursor: string | null,
    take: (page: RunList) => void,
  ): Promise<void> {
    this.#waiting += 1;
    this.busy.value = true;
    try {
      const page = await this.#page(cursor);
      if (current()) {
        take(page);
        this.problem.value = null;
      }
    } catch (error) {
      // The list never empties on an error.
      if (current()) this.problem.value = error as Error;
    }
    this.#waiting -= 1;
    this.busy.value = this.#waiting > 0;
  }

  /** A run has changed, or is new. */
  changed(run: Run): void {
    const rows = this.rows.peek();
    if (rows === null) return;
    // With a filter, pages are short: what lies below the last row may still be above the cursor.
    const more = this.next.peek() !== null && !isFiltered(this.#filters);
    if (matches(run, this.#filters, serverNow())) this.rows.value = merged(rows, run, more);
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

// The entries that are shown: fetched, fetched again, extended by older pages.

import { signal } from "@preact/signals";
import { type AuditEntry, type AuditLog, auditLog } from "../api";
import { serverNow } from "../clock";
import { apiQuery, type Filters } from "./filters";

export class Listing {
  /** Null until the first answer. */
  readonly rows = signal<readonly AuditEntry[] | null>(null);
  readonly next = signal<string | null>(null);
  readonly busy = signal(false);
  readonly problem = signal<Error | null>(null);
  #filters: Filters;
  /** The query of the pages that are shown: an older page must not move its bounds. */
  #query = new URLSearchParams();
  /** Rises with every question: an answer to an older one is void. */
  #asked = 0;

  constructor(filters: Filters) {
    this.#filters = filters;
  }

  /** The newest entries; old rows stay until the answer is there. */
  async refresh(filters: Filters = this.#filters): Promise<void> {
    this.#filters = filters;
    this.#query = apiQuery(filters, serverNow());
    await this.#ask(null, ({ entries }) => entries);
  }

  /** The next page below. */
  async older(): Promise<void> {
    const cursor = this.next.peek();
    if (cursor === null || this.busy.peek()) return;
    await this.#ask(cursor, ({ entries }) => [...(this.rows.peek() ?? []), ...entries]);
  }

  async #ask(
    cursor: string | null,
    rows: (page: AuditLog) => readonly AuditEntry[],
  ): Promise<void> {
    const asked = ++this.#asked;
    this.busy.value = true;
    try {
      const page = await auditLog(this.#query, cursor);
      if (asked !== this.#asked) return;
      this.rows.value = rows(page);
      this.next.value = page.next;
      this.problem.value = null;
    } catch (error) {
      // The list never empties on an error.
      if (asked === this.#asked) this.problem.value = error as Error;
    } finally {
      if (asked === this.#asked) this.busy.value = false;
    }
  }
}

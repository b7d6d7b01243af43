// Which runs of the list are marked, to do something with all of them.

import { signal } from "@preact/signals";

export class Marks {
  readonly ids = signal<ReadonlySet<string>>(new Set());
  /** The one that was marked or unmarked last: where a range begins. */
  #last: string | null = null;

  /**
   * Mark a run, or unmark it.
   * @param through - The ids of the list in its order, if everything from the last one on shall be as this one.
   */
  set(id: string, on: boolean, through: readonly string[] | null = null): void {
    const all = through === null ? [id] : range(through, this.#last, id);
    const ids = new Set(this.ids.peek());
    for (const one of all) {
      if (on) ids.add(one);
      else ids.delete(one);
    }
    this.#last = id;
    this.ids.value = ids;
  }

  toggle(id: string): void {
    this.set(id, !this.ids.peek().has(id));
  }

  clear(): void {
    this.#last = null;
    if (this.ids.peek().size > 0) this.ids.value = new Set();
  }
}

/** What lies between two of a list, and both; the second alone if the first is not in it. Pure. */
export function range(ids: readonly string[], from: string | null, to: string): readonly string[] {
  const [a, b] = [from === null ? -1 : ids.indexOf(from), ids.indexOf(to)];
  return a < 0 || b < 0 ? [to] : ids.slice(Math.min(a, b), Math.max(a, b) + 1);
}

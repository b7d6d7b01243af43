// The runs that are watched, and the pane that has the keys.

import { signal } from "@preact/signals";
import { MOST_WATCHED } from "../address";
import { type Run, type RunList, runs } from "../api";
import { serverNow } from "../clock";
import { apiQuery, filtersSearch, isFiltered, matches } from "../filters";
import { settings } from "../settings";
import { joined, parseWanted, type Wanted, watchSearch } from "./wanted";

/** A list that is filtered may come in short pages: no more of them are looked at. */
const MOST_PAGES = 5;

export const LAYOUTS = ["beside", "stacked"] as const;
export type Layout = (typeof LAYOUTS)[number];

export class Watched {
  readonly wanted: Wanted;
  readonly shown = signal<readonly string[]>([]);
  /** How many more match, and have no room. */
  readonly waiting = signal(0);
  /** The run whose pane has the keys. */
  readonly active = signal<string | null>(null);
  readonly layout = signal<Layout>(
    LAYOUTS.find((layout) => layout === settings.layout) ?? "beside",
  );
  /** The state of each run that is shown, as far as it is known. */
  readonly states = signal<ReadonlyMap<string, string>>(new Map());
  /** The address has filters. */
  readonly filtered: boolean;
  /** The runs that match, newest first; null before the first answer. */
  readonly matching = signal<readonly string[] | null>(null);
  readonly problem = signal<Error | null>(null);
  readonly #closed = new Set<string>();
  /** Rises with every question: the answer to an older one is void. */
  #asked = 0;

  constructor(search: string) {
    this.wanted = parseWanted(search);
    this.shown.value = this.wanted.runs;
    this.active.value = this.wanted.runs[0] ?? null;
    this.filtered = isFiltered(this.wanted.filters);
  }

  /** Ask which runs match. */
  async refresh(): Promise<void> {
    if (!this.filtered) return;
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const found = await this.#find(() => asked === this.#asked);
      if (asked !== this.#asked) return;
      this.problem.value = null;
      this.#match(found);
    } catch (error) {
      if (asked === this.#asked) this.problem.value = error as Error;
    }
  }

  /** A run has changed, or is new. */
  changed(run: Run): void {
    if (!this.filtered) return;
    const others = (this.matching.peek() ?? []).filter((id) => id !== run.id);
    const fits = matches(run, this.wanted.filters, serverNow());
    this.#match(fits ? [run.id, ...others] : others);
  }

  async #find(current: () => boolean): Promise<string[]> {
    const query = apiQuery(this.wanted.filters, serverNow());
    const found: string[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < MOST_PAGES && current(); page += 1) {
      const answer: RunList = await runs(query, cursor);
      found.push(...answer.runs.map(({ id }) => id));
      if (found.length >= MOST_WATCHED + this.#closed.size || answer.next === null) break;
      cursor = answer.next;
    }
    return found;
  }

  /** Let those in that match, where there is room. `matching`: newest first. */
  #match(matching: readonly string[]): void {
    this.matching.value = matching;
    const { shown, waiting } = joined(this.shown.peek(), matching, this.#closed);
    this.shown.value = shown;
    this.waiting.value = waiting;
    if (this.active.peek() === null) this.active.value = shown[0] ?? null;
  }

  /** Take a run off the page, and off its address. */
  close(run: string): void {
    const before = this.shown.peek();
    const at = before.indexOf(run);
    const left = before.filter((one) => one !== run);
    this.#closed.add(run);
    this.shown.value = left;
    this.states.value = new Map([...this.states.peek()].filter(([one]) => one !== run));
    if (this.active.peek() === run) this.active.value = left[Math.min(at, left.length - 1)] ?? null;
    if (this.wanted.runs.includes(run)) {
      const named = left.filter((one) => this.wanted.runs.includes(one));
      const { filters } = this.wanted;
      history.replaceState(null, "", `${location.pathname}${watchSearch(named, filters)}`);
    }
    this.#match(this.matching.peek() ?? []);
  }

  /** What is known of a run now. */
  tell({ id, state }: Run): void {
    if (this.states.peek().get(id) === state) return;
    this.states.value = new Map([...this.states.peek(), [id, state]]);
  }

  setLayout(layout: Layout): void {
    this.layout.value = layout;
    settings.layout = layout;
  }

  /** The filters in words; empty if there are none. */
  get filterWords(): string {
    const set = new URLSearchParams(filtersSearch(this.wanted.filters));
    return [...set].map(([name, value]) => `${name} ${value}`).join(", ");
  }
}

/** The keys that only this page has, for its help. */
export function watchKeys(watched: Watched): readonly (readonly [keys: string, help: string])[] {
  const count = watched.shown.value.length;
  if (count < 2) return [];
  const digits = Array.from({ length: count }, (_, index) => String(index + 1));
  return [[digits.join(" "), "Go to that pane"]];
}

// Which runs are watched: those that the address names, and those that match its filters. Pure.

import { MOST_WATCHED } from "../address";
import { type Filters, filtersSearch, parseFilters } from "../filters";

export interface Wanted {
  /** The runs that are named, each once. */
  readonly runs: readonly string[];
  /** How many more are named. */
  readonly left: number;
  /** Runs that match join while there is room. */
  readonly filters: Filters;
}

/** Read the part of an address from the `?` on. */
export function parseWanted(search: string): Wanted {
  const named = [...new Set(new URLSearchParams(search).getAll("run"))].filter(Boolean);
  return {
    runs: named.slice(0, MOST_WATCHED),
    left: Math.max(0, named.length - MOST_WATCHED),
    filters: parseFilters(search),
  };
}

/** The part of an address from the `?` on. */
export function watchSearch(runs: readonly string[], filters: Filters): string {
  const query = new URLSearchParams(filtersSearch(filters));
  for (const run of runs) query.append("run", run);
  return query.size === 0 ? "" : `?${query}`;
}

export interface Panes {
  /** The runs that are shown, in their order. */
  readonly shown: readonly string[];
  /** How many more match. */
  readonly waiting: number;
}

/** Let runs that match join those that are shown: no pane moves, and none comes back that was closed. `matching`: newest first. */
export function joined(
  shown: readonly string[],
  matching: readonly string[],
  closed: ReadonlySet<string>,
): Panes {
  const more = matching.filter((run) => !shown.includes(run) && !closed.has(run));
  const room = Math.max(0, MOST_WATCHED - shown.length);
  const joining = more.slice(0, room);
  return {
    shown: joining.length === 0 ? shown : [...shown, ...joining],
    waiting: more.length - joining.length,
  };
}

/** What goes on comes first, then what went wrong. */
const ORDER = ["running", "queued", "failed", "lost", "cancelled", "succeeded"];

/** What all panes together say, for the title of the tab: `2 running, 1 failed`. */
export function stateWords(states: readonly string[]): string {
  const counted = ORDER.map((state) => [states.filter((one) => one === state).length, state]);
  return counted
    .filter(([count]) => count !== 0)
    .map((words) => words.join(" "))
    .join(", ");
}

// Which runs are wanted: in the page's address, in the API's query, and for one run. Pure.

import type { Run } from "../api";

export const STATES = ["queued", "running", "succeeded", "failed", "cancelled", "lost"] as const;

export interface Filters {
  readonly state: Run["state"] | "";
  readonly task: string;
  readonly who: string;
  /** `24h`, or a local time as `2026-11-23T14:05`; empty: no bound. */
  readonly since: string;
  readonly until: string;
}

export const NO_FILTERS: Filters = { state: "", task: "", who: "", since: "", until: "" };

/** Times before now that are offered. */
export const SPANS: readonly (readonly [span: string, words: string])[] = [
  ["1h", "last hour"],
  ["24h", "last 24 hours"],
  ["7d", "last 7 days"],
];

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A bound in milliseconds since 1970, or null if the text is none. */
export function bound(text: string, now: number): number | null {
  const span = /^(\d{1,5})([mhd])$/.exec(text);
  // Nothing is older than 1970, and the API takes no time before.
  if (span) return Math.max(0, now - Number(span[1]) * UNITS[span[2] as keyof typeof UNITS]);
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return null;
  const ms = new Date(text.length === 10 ? `${text}T00:00` : text).getTime();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

/** What is no filter of ours is left out. */
export function parseFilters(search: string): Filters {
  const given = new URLSearchParams(search);
  const text = (name: string) => (given.get(name) ?? "").slice(0, 200);
  const time = (name: string) => (bound(text(name), 0) === null ? "" : text(name));
  return {
    state: STATES.find((state) => state === given.get("state")) ?? "",
    task: text("task"),
    who: text("who"),
    since: time("since"),
    until: time("until"),
  };
}

/** What an address asks for that is no filter, in words; empty if there is nothing. */
export function leftOut(search: string): string {
  const filters = parseFilters(search);
  const wrong = [...new URLSearchParams(search)].filter(
    ([name, value]) =>
      value !== "" && !(Object.hasOwn(filters, name) && filters[name as keyof Filters] === value),
  );
  return wrong.map(([name, value]) => `${name}=${value}`.slice(0, 60)).join(", ");
}

export function filtersSearch(filters: Filters): string {
  const set = Object.entries(filters).filter(([, value]) => value !== "");
  return set.length === 0 ? "" : `?${new URLSearchParams(set)}`;
}

export function isFiltered(filters: Filters): boolean {
  return Object.values(filters).some((value) => value !== "");
}

/** The API's query; times in milliseconds since 1970. */
export function apiQuery(filters: Filters, now: number): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ["state", "task", "who"] as const) {
    if (filters[name]) query.set(name, filters[name]);
  }
  for (const name of ["since", "until"] as const) {
    const ms = bound(filters[name], now);
    if (ms !== null) query.set(name, String(ms));
  }
  return query;
}

/** Whether a run belongs to the list. */
export function matches(run: Run, filters: Filters, now: number): boolean {
  const since = bound(filters.since, now);
  const until = bound(filters.until, now);
  return (
    (filters.state === "" || run.state === filters.state) &&
    (filters.task === "" || run.task === filters.task) &&
    (filters.who === "" || has(run.who, filters.who)) &&
    (since === null || run.created_ms >= since) &&
    (until === null || run.created_ms < until)
  );
}

/** A part of it, in any case: as the API compares people. */
function has(text: string | null, part: string): boolean {
  return text?.toLowerCase().includes(part.toLowerCase()) ?? false;
}

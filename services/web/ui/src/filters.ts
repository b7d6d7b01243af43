// Which runs are wanted: in the page's address, in the API's query, and for one run. Pure.

import type { Run } from "./api";
import { type Bounds, bound } from "./bounds";

export const STATES = ["queued", "running", "succeeded", "failed", "cancelled", "lost"] as const;

export interface Filters extends Bounds {
  readonly state: Run["state"] | "";
  readonly task: string;
  readonly who: string;
  /** Its key, a colon, its value; empty: any. */
  readonly label: string;
  /** The run with which a family began: those that it called, and these. */
  readonly root: string;
}

export const NO_FILTERS: Filters = {
  state: "",
  task: "",
  who: "",
  label: "",
  root: "",
  since: "",
  until: "",
};

/** What is no filter of ours is left out. */
export function parseFilters(search: string): Filters {
  const given = new URLSearchParams(search);
  const text = (name: string) => (given.get(name) ?? "").slice(0, 200);
  const time = (name: string) => (bound(text(name), 0) === null ? "" : text(name));
  return {
    state: STATES.find((state) => state === given.get("state")) ?? "",
    task: text("task"),
    who: text("who"),
    label: /^[^:]+:./.test(text("label")) ? text("label") : "",
    root: text("root"),
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

/** The end of an address. */
export function filtersSearch<T extends Bounds>(filters: T): string {
  const set = Object.entries(filters).filter(([, value]) => value !== "");
  return set.length === 0 ? "" : `?${new URLSearchParams(set)}`;
}

export function isFiltered<T extends Bounds>(filters: T): boolean {
  return Object.values(filters).some((value) => value !== "");
}

/** The API's query; times in milliseconds since 1970. */
export function apiQuery(filters: Filters, now: number): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ["state", "task", "who", "label", "root"] as const) {
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
    (filters.task === "" || hasTask(run.task, filters.task)) &&
    (filters.who === "" || has(run.who, filters.who)) &&
    (filters.label === "" || labelsOf(run).includes(filters.label)) &&
    (filters.root === "" || run.root_id === filters.root) &&
    (since === null || run.created_ms >= since) &&
    (until === null || run.created_ms < until)
  );
}

/** The whole name, or with `*` for any text, in any case: as the API compares tasks. */
function hasTask(task: string, wanted: string): boolean {
  if (!wanted.includes("*")) return task === wanted;
  const parts = wanted.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "is").test(task);
}

/** Its labels as `key:value`: those of the task, and those that it was given. */
export function labelsOf(run: Run): string[] {
  return [run.labels, run.added_labels].flatMap((labels) =>
    Object.entries(labels ?? {}).map(([key, value]) => `${key}:${value}`),
  );
}

/** A part of it, in any case: as the API compares people. */
function has(text: string | null, part: string): boolean {
  return text?.toLowerCase().includes(part.toLowerCase()) ?? false;
}

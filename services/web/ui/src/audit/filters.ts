// Which entries of the audit log are wanted: in the page's address, and in the API's query. Pure.

import type { AuditEntry } from "../api";
import { type Bounds, bound } from "../bounds";

type Event = AuditEntry["event"];

/** What happened, in words. */
export const EVENT_WORDS: Readonly<Record<Event, string>> = {
  denied: "Denied",
  login: "Login",
  logout: "Log-out",
  "session-ended": "Session ended",
  "run-start": "Start of a run",
  "run-cancel": "Cancellation",
  "run-retry": "Restart of a run",
  "run-delete": "Deletion of a run",
  "log-read": "Log read",
  "share-made": "Share link made",
  "share-opened": "Share link opened",
  "share-revoked": "Share link revoked",
  "token-made": "Token made",
  "token-used": "Token used",
  "token-revoked": "Token revoked",
  "user-locked": "User locked out",
  "user-unlocked": "User let in again",
  policy: "Policy changed",
  "service-start": "Service started",
  "audit-read": "Audit log read",
};

/** The words for an event; a service of a later version may have written one that is not known here. */
export function eventWords(event: string): string {
  return Object.hasOwn(EVENT_WORDS, event) ? EVENT_WORDS[event as Event] : event;
}

export interface Filters extends Bounds {
  readonly who: string;
  readonly event: Event | "";
  readonly run: string;
}

export const NO_FILTERS: Filters = { who: "", event: "", run: "", since: "", until: "" };

/** The longest that is taken of each; the API takes no longer ones. */
const LONGEST = { who: 200, run: 520 } as const;

/** What is no filter of ours is left out. */
export function parseFilters(search: string): Filters {
  const given = new URLSearchParams(search);
  const time = (name: string) => {
    const text = (given.get(name) ?? "").slice(0, 40);
    return bound(text, 0) === null ? "" : text;
  };
  const event = given.get("event") ?? "";
  return {
    who: (given.get("who") ?? "").slice(0, LONGEST.who),
    event: Object.hasOwn(EVENT_WORDS, event) ? (event as Event) : "",
    run: (given.get("run") ?? "").slice(0, LONGEST.run),
    since: time("since"),
    until: time("until"),
  };
}

/** The API's query; times in milliseconds since 1970. */
export function apiQuery(filters: Filters, now: number): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ["who", "event", "run"] as const) {
    if (filters[name]) query.set(name, filters[name]);
  }
  for (const name of ["since", "until"] as const) {
    const ms = bound(filters[name], now);
    if (ms !== null) query.set(name, String(ms));
  }
  return query;
}

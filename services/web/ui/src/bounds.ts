// Bounds of a time: as readers choose them, and in milliseconds. Pure.

export interface Bounds {
  /** `24h`, or a local time as `2026-11-23T14:05`; empty: no bound. */
  readonly since: string;
  readonly until: string;
}

/** Times before now that are offered. */
export const SPANS: readonly (readonly [span: string, words: string])[] = [
  ["1h", "Last hour"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
];

const UNIT_WORDS = { m: "minute", h: "hour", d: "day" } as const;

/** `3h` as "Last 3 hours"; empty if the text is no span. */
function spanWords(span: string): string {
  const offered = SPANS.find(([one]) => one === span);
  if (offered) return offered[1];
  const found = SPAN.exec(span);
  if (!found) return "";
  const count = Number(found[1]);
  const unit = UNIT_WORDS[found[2] as keyof typeof UNITS];
  return count === 1 ? `Last ${unit}` : `Last ${count} ${unit}s`;
}

export function isSpan(text: string): boolean {
  return SPAN.test(text);
}

/** Bounds as "Last 3 hours", "On 29 Nov 2026", "Since 29 Nov 2026"; empty if they are no such. */
export function boundsWords({ since, until }: Bounds): string {
  const span = until === "" ? spanWords(since) : "";
  if (span) return span;
  const [from, to] = [midnightOf(since), midnightOf(until)];
  if (from && to) return to.getTime() === dayAfter(from).getTime() ? `On ${dayWords(from)}` : "";
  if (from && until === "") return `Since ${dayWords(from)}`;
  return to && since === "" ? `Before ${dayWords(to)}` : "";
}

/** The day that a bound begins with, if it is no other time of that day. */
function midnightOf(text: string): Date | null {
  if (!/^\d{4}-\d\d-\d\d(T00:00)?$/.test(text)) return null;
  const day = new Date(`${text.slice(0, 10)}T00:00`);
  return Number.isNaN(day.getTime()) ? null : day;
}

/** Midnight after a day's, which may be 23 or 25 hours later. */
export function dayAfter(day: Date, days = 1): Date {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + days);
}

function dayWords(day: Date): string {
  return day.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

const SPAN = /^(\d{1,5})([mhd])$/;
const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A bound in milliseconds since 1970, or null if the text is none. */
export function bound(text: string, now: number): number | null {
  const span = SPAN.exec(text);
  // Nothing is older than 1970, and the API takes no time before.
  if (span) return Math.max(0, now - Number(span[1]) * UNITS[span[2] as keyof typeof UNITS]);
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return null;
  const ms = new Date(text.length === 10 ? `${text}T00:00` : text).getTime();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

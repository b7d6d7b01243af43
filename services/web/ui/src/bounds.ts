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
export function spanWords(span: string): string {
  const offered = SPANS.find(([one]) => one === span);
  if (offered) return offered[1];
  const found = SPAN.exec(span);
  if (!found) return "";
  const count = Number(found[1]);
  const unit = UNIT_WORDS[found[2] as keyof typeof UNITS];
  return count === 1 ? `Last ${unit}` : `Last ${count} ${unit}s`;
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

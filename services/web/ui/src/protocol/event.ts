// Event entries: JSON objects with a `kind`, and the words for them.

import { decodeText, type Entry, ProtocolError } from "./entry";

export interface Event {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** What the terminal entry claims about the whole log. */
export interface End {
  readonly state: string;
  readonly why: string;
  readonly exitStatus: number | null;
  readonly signal: number | null;
  readonly lines: number;
  readonly bytes: number;
  /** The digest before the terminal entry. */
  readonly chain: string;
  /** First and last line that the quota cut, if it did. */
  readonly cut: readonly [from: number, to: number] | null;
  readonly masked: number;
  readonly rewrittenBytes: number;
  readonly lateBytes: number;
  readonly overflowBytes: number;
}

export function decodeEvent(entry: Entry): Event {
  let value: unknown;
  try {
    value = JSON.parse(decodeText(entry.payload));
  } catch {
    throw new ProtocolError("event", "an event is not JSON");
  }
  if (typeof value !== "object" || value === null || typeof (value as Event).kind !== "string") {
    throw new ProtocolError("event", "an event has no kind");
  }
  return value as Event;
}

function count(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : value === undefined ? "" : String(value);
}

function range(value: unknown): [from: number, to: number] | null {
  if (typeof value !== "object" || value === null) return null;
  const { from, to } = value as Record<string, unknown>;
  return [count(from), count(to)];
}

export function readEnd(event: Event): End {
  const status = event["exit_status"];
  const signal = event["signal"];
  return {
    state: text(event["state"]),
    why: text(event["why"]),
    exitStatus: typeof status === "number" ? status : null,
    signal: typeof signal === "number" ? signal : null,
    lines: count(event["lines"]),
    bytes: count(event["bytes"]),
    chain: text(event["chain"]),
    cut: range(event["cut"]),
    masked: count(event["masked"]),
    rewrittenBytes: count(event["rewritten_bytes"]),
    lateBytes: count(event["late_bytes"]),
    overflowBytes: count(event["overflow_bytes"]),
  };
}

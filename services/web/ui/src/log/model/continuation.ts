// A long line is stored in parts, a row each. What is looked for, and what links lead to,
// goes over their cuts. Pure.

import { plain } from "./ansi";
import type { Span } from "./search";

/** So much of the part before and of the one behind belongs to a part. */
export const CONTEXT_CHARACTERS = 4_096;

interface StoredLines {
  get(line: number): string | undefined;
  /** Whether a line goes on in the next one. */
  continues(line: number): boolean;
}

export interface Context {
  readonly before: string;
  readonly after: string;
}

export const ALONE: Context = { before: "", after: "" };

/** What stands around a line in the same long line, as it is read. */
export function contextOf(lines: StoredLines, line: number): Context {
  const before = lines.continues(line - 1) ? lines.get(line - 1) : undefined;
  const after = lines.continues(line) ? lines.get(line + 1) : undefined;
  if (before === undefined && after === undefined) return ALONE;
  return {
    before: plain(before ?? "").slice(-CONTEXT_CHARACTERS),
    after: plain(after ?? "").slice(0, CONTEXT_CHARACTERS),
  };
}

/** The parts of spans that lie in `[from, to)`, counted from there. */
export function spansWithin(spans: readonly Span[], from: number, to: number): readonly Span[] {
  return spans
    .map(([a, b]) => [Math.max(a, from) - from, Math.min(b, to) - from] as const)
    .filter(([a, b]) => a < b);
}

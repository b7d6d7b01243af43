// The lines of a log before a position, all of them: a window of long lines ends early.

import { logWindow } from "../api";
import type { Position } from "../protocol/cursor";

export interface HistoryWindow {
  readonly start: Position;
  readonly entries: readonly unknown[];
  /** The history it ends in; another one than it began in if that was replaced meanwhile. */
  readonly epoch: number;
}

/** About so many lines that end where `before` begins. */
export async function historyBefore(
  run: string,
  before: Position,
  lines: number,
): Promise<HistoryWindow> {
  const first = await logWindow(run, Math.max(1, before.line - lines), lines);
  const entries = [...first.entries];
  let { next, epoch } = first;
  while (next.line < before.line && epoch === before.epoch) {
    const window = await logWindow(run, next.line, before.line - next.line, next.chain);
    if (window.entries.length === 0) break;
    entries.push(...window.entries);
    ({ next, epoch } = window);
  }
  const start = { epoch: first.epoch, line: first.from, chain: first.chain };
  return { start, entries, epoch };
}

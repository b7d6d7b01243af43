// Which lines the screen wants: what is missing of its rows is fetched, and what is not on it may be forgotten.

import { BLOCK_LINES } from "./lineblocks";
import type { Lines } from "./lines";
import type { Rows } from "./rows";

/** Rows around the screen that are fetched as well, where only some lines are shown. */
const AROUND = 20;

/** These rows are on the screen. */
export function wantSeen(lines: Lines, rows: Rows, first: number, last: number): void {
  if (rows.only) {
    lines.seenApart(rows.only.slice(Math.max(0, first - AROUND), last + 1 + AROUND));
    return;
  }
  lines.seen(rows.lineNear(first), rows.lineNear(last));
  let missing = 0;
  let end = 0;
  for (let row = first; row <= last; row += 1) {
    const shown = rows.at(row);
    if (shown.kind !== "line" || lines.get(shown.line) !== undefined) continue;
    missing ||= shown.line;
    end = shown.line;
  }
  if (missing) lines.want(missing, Math.min(end, missing + BLOCK_LINES));
  else lines.satisfied();
}

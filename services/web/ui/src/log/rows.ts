// The rows of a log in order, bounded: numbered lines, events and cuts. Pure.

import { type Item, idText, isCut, splitLines } from "../protocol/entry";
import { decodeEvent } from "../protocol/event";
import { cutWords, eventWords, type Level } from "./words";

/** Rows kept while the reader follows the end; older ones can be loaded again. */
export const FOLLOWING_ROWS = 5_000;
/** Rows kept while the reader looks at something: what is read should not vanish. */
export const READING_ROWS = 20_000;

export type Row =
  | {
      readonly kind: "line";
      readonly line: number;
      readonly text: string;
      readonly continues: boolean;
    }
  | {
      readonly kind: "event";
      readonly name: string;
      readonly text: string;
      readonly level: Level;
      readonly t: number;
    }
  | { readonly kind: "cut"; readonly text: string; readonly level: Level };

/** The rows of one item. */
export function rowsOf(item: Item): Row[] {
  if (isCut(item)) return [{ kind: "cut", ...cutWords(item) }];
  if (item.type === "e") {
    const event = decodeEvent(item);
    return [
      { kind: "event", name: `${event.kind} ${idText(item.id)}`, t: item.t, ...eventWords(event) },
    ];
  }
  const lines = splitLines(item.payload);
  return lines.map((text, index) => ({
    kind: "line",
    line: item.from + index,
    text,
    continues: item.continues && index === lines.length - 1,
  }));
}

/** The number of the first line among rows, or 0 if there is none. */
export function firstLine(rows: readonly Row[]): number {
  for (const row of rows) if (row.kind === "line") return row.line;
  return 0;
}

// What one row shows, before it is drawn.

import type { Context } from "./continuation";
import type { Group } from "./groups";
import type { Detected } from "./level";
import type { LiveLine } from "./messages";
import type { Note } from "./rows";
import type { Span } from "./search";
import type { Style } from "./style";

/** A line longer than this is drawn cut. */
export const SHOWN_CHARACTERS = 4_096;

export interface LineModel {
  readonly kind: "line";
  readonly line: number;
  /** Undefined while it is not here. */
  readonly text: string | undefined;
  /** What is said instead of a text that could not be loaded. */
  readonly missing: string;
  readonly style: Style;
  readonly continues: boolean;
  /** What stands around it in the same long line. */
  readonly context: Context;
  readonly time: string;
  /** What an event says of it. */
  readonly level: "warning" | "error" | null;
  /** What it says of itself, if no event does. */
  readonly detected: Detected | null;
  /** It is a library's frame in a traceback. */
  readonly library: boolean;
  readonly group: Group | null;
  readonly spans: readonly Span[];
  readonly current: boolean;
  readonly marked: boolean;
  readonly whole: boolean;
  readonly total: number;
}

export type RowModel =
  | LineModel
  | {
      readonly kind: "note";
      readonly note: Note;
      readonly group: Group | null;
      readonly time: string;
    }
  | {
      readonly kind: "live";
      /** The line it will be; of several rows the first one. */
      readonly line: number;
      readonly text: string;
      readonly progress: LiveLine["progress"];
      /** What it begins in: the style behind the last line, or none for rows that are drawn again. */
      readonly style: Style;
    };

// What the row of a line shows: its text with what is known of it.

import { contextOf } from "./continuation";
import type { Groups } from "./groups";
import { type Detected, levelOf } from "./level";
import { BLOCK_LINES } from "./lineblocks";
import type { Lines } from "./lines";
import { type LineModel, SHOWN_CHARACTERS } from "./rowmodel";
import type { Span } from "./search";
import { type TimeMode, timeText } from "./times";
import { isLibraryFrame } from "./traceback";

const MOST_LEVELS = 1_000;

/** The hits of a search in a line's text. */
export type Highlighter = (line: number, text: string) => readonly Span[];

/** What it depends on besides. */
interface Place {
  readonly mode: TimeMode;
  /** When the run began. */
  readonly began: number | null;
  readonly current: boolean;
  readonly marked: boolean;
  /** Lines of the log; -1 while it grows. */
  readonly total: number;
}

export class LineRows {
  /** Who knows the hits of a search in a line. */
  highlighter: Highlighter = () => [];
  readonly #lines: Lines;
  readonly #groups: Groups;
  readonly #whole = new Set<number>();
  readonly #failures = new Map<number, string>();
  /** Levels of the lines that were drawn last: a row is asked for at each drawing. */
  readonly #levels = new Map<number, Detected | null>();

  constructor(lines: Lines, groups: Groups) {
    this.#lines = lines;
    this.#groups = groups;
  }

  clear(): void {
    this.#whole.clear();
    this.#failures.clear();
    this.#levels.clear();
  }

  /** Draw a line whole, however long it is. */
  showWhole(line: number): void {
    this.#whole.add(line);
  }

  /** Lines could not be loaded. */
  failed(from: number, error: Error): void {
    this.#failures.set(Math.floor((from - 1) / BLOCK_LINES), error.message);
  }

  /** Lines were loaded. */
  loaded(): void {
    this.#failures.clear();
  }

  of(line: number, { mode, began, current, marked, total }: Place): LineModel {
    const text = this.#lines.get(line);
    const t = text === undefined ? null : this.#lines.time(line);
    const spans = text === undefined ? [] : this.highlighter(line, text);
    // A hit that is gone to has to be seen.
    const far = current && (spans[0]?.[1] ?? 0) > SHOWN_CHARACTERS / 2;
    const level = this.#groups.levels.get(line) ?? null;
    return {
      kind: "line",
      line,
      text,
      missing: text === undefined ? this.#missing(line) : "",
      style: this.#lines.style(line),
      continues: this.#lines.continues(line),
      context: contextOf(this.#lines, line),
      time: timeText(mode, t, began, mode === "gap" ? this.#lines.time(line - 1) : null),
      level,
      detected: level === null && text !== undefined ? this.#levelOf(line, text) : null,
      library: isLibraryFrame(this.#lines, line),
      group: this.#groups.headOn(line) ?? null,
      spans,
      current,
      marked,
      whole: far || this.#whole.has(line),
      total,
    };
  }

  #levelOf(line: number, text: string): Detected | null {
    const known = this.#levels.get(line);
    if (known !== undefined) return known;
    if (this.#levels.size >= MOST_LEVELS) this.#levels.clear();
    const level = levelOf(text);
    this.#levels.set(line, level);
    return level;
  }

  #missing(line: number): string {
    const why = this.#failures.get(Math.floor((line - 1) / BLOCK_LINES));
    return why ? `could not be loaded: ${why}` : "";
  }
}

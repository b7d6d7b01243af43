// What stands out in a log: lines and events that are errors or warnings, and lines that say so themselves. Pure.

import { annotationOf } from "./annotation";
import { plain } from "./ansi";
import { messageOf } from "./level";
import type { LogModel } from "./logmodel";
import { endedIn } from "./traceback";

export interface Outstanding {
  /** The line; of an event, the one after it. */
  readonly line: number;
  readonly level: "error" | "warning";
  /** Empty if the line is not loaded. */
  readonly text: string;
  /** An event, which has no number of its own. */
  readonly event?: true;
}

/** What it looks at. */
export type Known = Levelled & Pick<LogModel, "rows" | "lines">;

type Levelled = Pick<LogModel, "groups" | "known" | "detected">;

export interface StandsOut {
  /** In the order of the log. */
  readonly shown: readonly Outstanding[];
  /** How many more there are. */
  readonly more: number;
}

/**
 * The lines that are errors or warnings: by what was declared, else by what they say of themselves. A traceback right
 * below an error is a part of it, as loggers write it.
 */
export function levelsOf({ groups, known, detected }: Levelled): Map<number, Outstanding["level"]> {
  const levels = new Map(detected.levels);
  for (const line of known.warnings) levels.set(line, "warning");
  for (const [line, level] of groups.levels) levels.set(line, level);
  for (const line of known.errors) levels.set(line, "error");
  for (const line of detected.tracebacks) {
    if (levels.get(line - 1) === "error") levels.delete(line);
  }
  return levels;
}

/** What of a line's text says something: without the codes of its mark, or its time and level. */
function said(text: string): string {
  const length = annotationOf(text)?.length;
  return length === undefined ? messageOf(plain(text).trim()) : plain(text.slice(length)).trim();
}

/** What a line says, or what the traceback that begins there ended in; `below`: and the one right below it. */
function wordsOf(lines: Known["lines"], line: number, below: boolean): string {
  const words = endedIn(lines, line) || said(lines.get(line) ?? "");
  const cause = below ? endedIn(lines, line + 1) : "";
  return cause && !words.includes(cause) ? `${words} · ${cause}` : words;
}

/** Errors before warnings, as far as `most` goes. */
export function standsOut(model: Known, most: number): StandsOut {
  const { rows, lines } = model;
  const found = new Map<number, { level: Outstanding["level"]; text: string | null }>();
  for (const [line, level] of levelsOf(model)) found.set(line, { level, text: null });
  for (const { level, at, text } of rows.notes) {
    if (level === "note") continue;
    const there = found.get(at);
    // Of an event at the end the server names the line after the last one.
    if (there?.level === "error" && (there.text !== null || lines.get(at) !== undefined)) continue;
    found.set(at, { level, text });
  }
  const all = [...found].sort(([a], [b]) => a - b);
  const first = [
    ...all.filter(([, { level }]) => level === "error"),
    ...all.filter(([, { level }]) => level === "warning"),
  ].slice(0, most);
  const shown = first
    .sort(([a], [b]) => a - b)
    .map(([line, { level, text }]) => ({
      line,
      level,
      text: text ?? wordsOf(lines, line, !found.has(line + 1)),
      ...(text === null ? {} : { event: true as const }),
    }));
  return { shown, more: all.length - shown.length };
}

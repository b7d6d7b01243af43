// Rows that are no lines, from what the log and its outline say. Pure.

import type { OutlineGroup } from "../../api";
import { type Cut, type Entry, parseId } from "../../protocol/entry";
import { plain } from "./ansi";
import type { Group } from "./groups";
import type { Note } from "./rows";
import { cutWords, type eventWords } from "./words";

export function eventNote(entry: Entry, words: ReturnType<typeof eventWords>): Note {
  return {
    kind: "event",
    id: entry.id,
    at: entry.from,
    to: entry.from - 1,
    t: entry.t,
    group: false,
    ...words,
  };
}

export function cutNote(cut: Cut): Note {
  return {
    kind: "cut",
    id: cut.last,
    at: cut.from,
    to: cut.to,
    t: 0,
    group: false,
    ...cutWords(cut),
  };
}

export function outlined(group: OutlineGroup): Group {
  return {
    id: parseId(group.id),
    title: group.title,
    head: group.title_line,
    first: group.first,
    last: group.last ?? Number.POSITIVE_INFINITY,
    depth: group.depth,
    since: 0,
    until: group.seconds === null ? null : group.seconds * 1000,
    errors: group.errors,
    warnings: group.warnings,
    folded: false,
    before: null,
    unclosed: group.state === "unclosed",
  };
}

export function headerNote(group: OutlineGroup): Note {
  return {
    kind: "event",
    id: parseId(group.id),
    at: group.first,
    to: group.first - 1,
    text: `▸ ${plain(group.title)}`,
    level: "note",
    t: 0,
    group: true,
  };
}

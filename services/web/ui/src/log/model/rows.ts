// Which row shows what: lines, notes (events and cuts) between them, nothing for
// lines inside a folded group. A sorted list of segments, searched by halves. Pure.

import { compareIds, type EntryId } from "../../protocol/entry";
import type { LineRange } from "./links";
import { Only } from "./only";
import type { Level } from "./words";

/** A row that is no line. */
export interface Note {
  readonly kind: "event" | "cut" | "frames";
  readonly id: EntryId;
  /** It stands before this line. */
  readonly at: number;
  /** The last line it stands for; `at - 1` if it stands for none. */
  readonly to: number;
  readonly text: string;
  readonly level: Level;
  readonly t: number;
  /** The note is the header of this group. */
  readonly group: boolean;
}

/** Lines that are not shown, and the ids between which notes are not shown either. Null: notes are shown. */
export interface Fold {
  readonly first: number;
  /** Infinity while the group is open. */
  readonly last: number;
  readonly after: EntryId | null;
  readonly before: EntryId | null;
}

export type Shown =
  | { readonly kind: "line"; readonly line: number }
  | { readonly kind: "note"; readonly note: Note }
  | { readonly kind: "live"; readonly index: number };

/** Something a row number can be found for again after rows came or went. */
export type Anchor = { readonly line: number } | { readonly note: Note } | "live";

interface Segment {
  readonly row: number;
  /** First line, or the line a note stands before. */
  readonly line: number;
  readonly note: Note | null;
}

export function compareNotes(a: Note, b: Note): number {
  return a.at - b.at || compareIds(a.id, b.id);
}

function hides(fold: Fold, note: Note): boolean {
  if (fold.after === null || compareIds(note.id, fold.after) === 0) return false;
  const behindHead =
    note.at > fold.first || (note.at === fold.first && compareIds(note.id, fold.after) > 0);
  const beforeEnd =
    note.at <= fold.last ||
    (note.at === fold.last + 1 && fold.before !== null && compareIds(note.id, fold.before) < 0);
  return behindHead && beforeEnd;
}

function mergedNotes(notes: readonly Note[], heads: readonly Note[]): readonly Note[] {
  return heads.length === 0 ? notes : [...notes, ...heads].sort(compareNotes);
}

export class Rows {
  /** Lines of the log as far as known. */
  lines = 0;
  /** How many rows there are at the end for what is not stored: the unfinished line, or rows that are drawn again. */
  live = 0;
  #notes: Note[] = [];
  #folds: readonly Fold[] = [];
  /** Headers of folds that no event makes. */
  #heads: readonly Note[] = [];
  #segments: Segment[] = [];
  #rows = 0;
  /** Last line that a cut stands for. */
  #covered = 0;
  #only: Only | null = null;

  /** How many rows there are. */
  get count(): number {
    return this.#only ? this.#only.count : this.#rows + this.live;
  }

  get notes(): readonly Note[] {
    return this.#notes;
  }

  /** The lines that alone are shown, in order; null: everything is shown. */
  get only(): readonly number[] | null {
    return this.#only?.lines ?? null;
  }

  set only(lines: readonly number[] | null) {
    this.#only = lines && new Only(lines);
  }

  clear(): void {
    this.#only = null;
    this.lines = 0;
    this.live = 0;
    this.#notes = [];
    this.#folds = [];
    this.#heads = [];
    this.#build();
  }

  /** The log has grown up to this line. */
  grow(lines: number): void {
    if (lines <= this.lines) return;
    const first = Math.max(this.lines, this.#covered) + 1;
    this.lines = lines;
    this.#emit(first, lines);
  }

  /** Notes in any order; those known already are left out. True if rows before the end moved. */
  add(notes: readonly Note[]): boolean {
    let inside = false;
    for (const note of notes) {
      this.grow(note.at - 1);
      const at = this.#placeOf(note);
      const there = this.#notes[at];
      if (there && compareNotes(there, note) === 0) continue;
      if (at === this.#notes.length && note.at > this.lines && note.to < note.at && !inside) {
        this.#notes.push(note);
        this.#emitNote(note);
      } else {
        this.#notes.splice(at, 0, note);
        inside = true;
      }
    }
    if (inside) this.#build();
    return inside;
  }

  /** Sorted, and none inside another; with headers that are no notes of the log, sorted as well. */
  fold(folds: readonly Fold[], heads: readonly Note[] = []): void {
    this.#folds = folds;
    this.#heads = heads;
    this.#build();
  }

  at(row: number): Shown {
    if (this.#only) return { kind: "line", line: this.#only.at(row) };
    const segment = this.#segments[this.#last((one) => one.row <= row)];
    if (row >= this.#rows || !segment)
      return { kind: "live", index: Math.max(0, row - this.#rows) };
    if (segment.note) return { kind: "note", note: segment.note };
    return { kind: "line", line: segment.line + row - segment.row };
  }

  /** The row of a line, or of the note or header that stands for it. */
  rowOf(line: number): number {
    if (this.#only) return this.#only.rowOf(line);
    const index = this.#last((one) => one.line <= line);
    const segment = this.#segments[index];
    if (!segment) return 0;
    if (segment.note) return segment.row;
    const end = this.#segments[index + 1]?.row ?? this.#rows;
    return Math.min(segment.row + line - segment.line, Math.max(segment.row, end - 1));
  }

  /** The line of a row, or the one near it where the row is none. */
  lineNear(row: number): number {
    for (let at = Math.min(row, this.count - 1); at >= 0; at -= 1) {
      const shown = this.at(at);
      if (shown.kind === "line") return shown.line;
      if (shown.kind === "note") return Math.max(1, Math.min(shown.note.at, this.lines));
    }
    return 1;
  }

  anchor(row: number): Anchor {
    const shown = this.at(row);
    return shown.kind === "line" ? { line: shown.line } : shown.kind === "note" ? shown : "live";
  }

  rowOfAnchor(anchor: Anchor): number {
    if (anchor === "live") return Math.max(0, this.count - 1);
    if ("line" in anchor) return this.rowOf(anchor.line);
    const { note } = anchor;
    return this.rowOfNote(note.at, note.id) ?? this.rowOf(note.at);
  }

  /** The row of the note with this id before a line, if it is shown. */
  rowOfNote(at: number, id: EntryId): number | null {
    if (this.#only) return null;
    for (let i = this.#last((one) => one.line <= at); i >= 0; i -= 1) {
      const segment = this.#segments[i];
      if (!segment || segment.line < at) break;
      if (segment.note && compareIds(segment.note.id, id) === 0) return segment.row;
    }
    return null;
  }

  /** The lines that cuts stand for. */
  get cuts(): LineRange[] {
    const cuts = this.#notes.filter((note) => note.kind === "cut");
    return cuts.map(({ at, to }) => ({ first: at, last: to }));
  }

  /** Of lines from one to another those that are shown, where only some are; null where all are. */
  onlyBetween(first: number, last: number): readonly number[] | null {
    return this.#only?.between(first, last) ?? null;
  }

  /** Whether a folded group hides a line, or that only others are shown. */
  hidden(line: number): boolean {
    if (this.#only) return !this.#only.has(line);
    return this.#foldAround((fold) => line >= fold.first && line <= fold.last, line);
  }

  #last(holds: (segment: Segment) => boolean): number {
    let [low, high] = [0, this.#segments.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const segment = this.#segments[middle];
      if (segment && holds(segment)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #placeOf(note: Note): number {
    let [low, high] = [0, this.#notes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = this.#notes[middle];
      if (there && compareNotes(there, note) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #build(): void {
    this.#segments = [];
    this.#rows = 0;
    this.#covered = 0;
    let line = 1;
    for (const note of mergedNotes(this.#notes, this.#heads)) {
      this.#emit(line, Math.min(note.at - 1, this.lines));
      line = Math.max(line, note.at);
      this.#emitNote(note);
      line = Math.max(line, note.to + 1);
    }
    this.#emit(line, this.lines);
  }

  #emitNote(note: Note): void {
    this.#covered = Math.max(this.#covered, note.to);
    if (this.#foldAround((fold) => hides(fold, note), note.at)) return;
    this.#segments.push({ row: this.#rows, line: note.at, note });
    this.#rows += 1;
  }

  /** The fold that begins at or before a line and satisfies a condition. */
  #foldAround(holds: (fold: Fold) => boolean, line: number): boolean {
    for (let i = this.#foldAt(line); i >= Math.max(0, this.#foldAt(line) - 1); i -= 1) {
      const fold = this.#folds[i];
      if (fold && holds(fold)) return true;
    }
    return false;
  }

  /** The last fold that begins at or before a line; -1 if none does. */
  #foldAt(line: number): number {
    let [low, high] = [0, this.#folds.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#folds[middle]?.first ?? 0) <= line) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #emit(from: number, to: number): void {
    let line = from;
    let index = Math.max(0, this.#foldAt(line));
    while (line <= to) {
      const fold = this.#folds[index];
      if (fold && fold.last < line) {
        index += 1;
      } else if (fold && fold.first <= line) {
        line = Math.min(fold.last, to) + 1;
      } else {
        const end = Math.min(to, (fold?.first ?? Number.POSITIVE_INFINITY) - 1);
        const last = this.#segments[this.#segments.length - 1];
        const continues = last && !last.note && last.line + this.#rows - last.row === line;
        if (!continues) this.#segments.push({ row: this.#rows, line, note: null });
        this.#rows += end - line + 1;
        line = end + 1;
      }
    }
  }
}

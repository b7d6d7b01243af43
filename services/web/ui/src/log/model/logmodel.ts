// What the log's list shows: takes checked items, keeps lines, notes and groups in
// step, fetches what is looked at, and answers the viewport's questions.

import { type ReadonlySignal, signal } from "@preact/signals";
import { Emitter } from "../../emitter";
import type { Position } from "../../protocol/cursor";
import { type Entry, type Item, idText, isCut } from "../../protocol/entry";
import { DetachedRanges } from "./detached";
import { Detected } from "./detected";
import { Folds } from "./folds";
import { Frames } from "./frames";
import { type Group, Groups } from "./groups";
import { Intake } from "./intake";
import { type Highlighter, LineRows } from "./linerows";
import { Lines } from "./lines";
import type { LineRange } from "./links";
import { Loader, type Proof } from "./loader";
import type { LiveLine } from "./messages";
import { fetchOutline, NOTHING, type Outline } from "./outline";
import type { RowModel } from "./rowmodel";
import { type Anchor, Rows } from "./rows";
import { PLAIN } from "./style";
import { type TimeMode, timeBeside, timeText } from "./times";
import { wantSeen } from "./wanted";

/** Where the rows are shown. */
export interface Viewport {
  readonly following: ReadonlySignal<boolean>;
  /** The first row that can be seen. */
  readonly top: { readonly row: number };
  /** Something to draw has changed. */
  schedule(): void;
  toRow(row: number, part?: number): void;
  toHit(row: number): void;
  toEnd(): void;
  /** The row that stays where it is when others come or go: the first one, or what was put in view last. */
  readonly held: number;
  /** What stood in a row, the first one or the held one, stands in another now. */
  shift(row: number, from: number): void;
}

interface Kept {
  readonly row: number;
  readonly anchor: Anchor;
}

export class LogModel {
  readonly rows = new Rows();
  readonly groups = new Groups();
  /** Frames of libraries in tracebacks. */
  readonly frames = new Frames();
  readonly folds = new Folds(this.groups, this.frames, this.rows);
  readonly detached = new DetachedRanges();
  /** Errors and warnings by the words of the lines that came. */
  readonly detected = new Detected();
  readonly lines: Lines;
  readonly total = signal(0);
  /** Lines that came since the reader paused. */
  readonly newLines = signal(0);
  readonly timeMode = signal<TimeMode>("off");
  readonly marked = signal<LineRange | null>(null);
  /** Rises whenever groups, frames of libraries, warnings or errors change. */
  readonly outlineChanges = signal(0);
  /** New lines came at the end. */
  readonly grown = new Emitter<[first: number, last: number]>();
  /** A line was asked for that is hidden, because only others are shown. */
  readonly missed = new Emitter();
  /** The line of the current hit or error. */
  current = 0;
  /** What the server knows of the whole log. */
  known: Outline = NOTHING;
  /** The log will not grow any more. */
  over = false;
  readonly #run: string;
  readonly #lineRows: LineRows;
  readonly #intake: Intake;
  readonly #loader: Loader;
  #viewport: Viewport | null = null;
  /** Lines the log had when it was opened. */
  #backlog = 0;
  #live: LiveLine | null = null;
  #pausedAt = 0;
  /** Where the reader was when another history began. */
  #readingAt: number | null = null;

  constructor(run: string) {
    this.#run = run;
    this.#loader = new Loader(run, this.detached);
    this.lines = new Lines((from, limit, abort) =>
      this.#loader.load(from, limit, abort, this.lines, (items) => this.#history(items)),
    );
    this.#lineRows = new LineRows(this.lines, this.groups);
    this.#intake = new Intake(
      this.lines,
      this.rows,
      this.groups,
      this.frames,
      this.folds,
      this.detected,
    );
    this.lines.failed.on((from, error) => {
      this.#lineRows.failed(from, error);
      this.refresh();
    });
  }

  /** Show it there. */
  attach(viewport: Viewport): void {
    this.#viewport = viewport;
  }

  /** Whom to ask and tell about the proof. */
  proveWith(proof: Proof): void {
    this.#loader.proof = proof;
  }

  /** False: lines that come are only checked, and their text is not kept. */
  keepText(wanted: boolean): void {
    this.#intake.keepText = wanted;
  }

  /** Who knows the hits of a search in a line. */
  highlightWith(highlighter: Highlighter): void {
    this.#lineRows.highlighter = highlighter;
  }

  /** Something to draw has changed. */
  refresh(): void {
    this.#viewport?.schedule();
  }

  // What `Follow` calls.

  opened(lines: number): void {
    this.#backlog ||= lines;
  }

  append(items: readonly Item[]): void {
    const first = this.rows.lines + 1;
    // Who does not follow sees what stands there already, and it stays where it is.
    const kept = this.#viewport?.following.peek() === false ? this.#kept() : null;
    this.#add(items, kept ? this.rows.lines : 0);
    this.#keep(kept);
    const begin = items.find((item) => !isCut(item) && item.type === "o") as Entry | undefined;
    if (begin && this.#isDetached(begin.from)) void this.#learnStyle(begin.from);
    this.total.value = this.rows.lines;
    // What is there when the log is opened is not new.
    if (first === 1 || this.rows.lines <= this.#backlog) this.#pausedAt = this.rows.lines;
    this.#count();
    if (this.rows.lines >= first) this.grown.emit(first, this.rows.lines);
    if (this.#readingAt !== null && this.rows.lines > 0) this.#readOn(this.#readingAt);
  }

  /** Nothing here tells in which style a line begins. */
  #isDetached(line: number): boolean {
    return line > 1 && this.lines.get(line - 1) === undefined && !this.lines.styles.knows(line);
  }

  prepend(items: readonly Item[]): void {
    this.#history(items);
  }

  verified(from: Position, to: Position): void {
    this.detached.verified(from, to);
  }

  /** Another history begins; a reader who had stopped following stays at the line, if there is one. */
  clear(): void {
    if (this.#viewport?.following.peek() === false && this.count > 0)
      this.#readingAt ??= this.firstVisible;
    this.lines.clear();
    this.rows.clear();
    this.groups.clear();
    this.frames.clear();
    this.detached.clear();
    this.detected.clear();
    this.#lineRows.clear();
    this.#live = null;
    this.#intake.began = null;
    this.#pausedAt = 0;
    this.total.value = 0;
    this.newLines.value = 0;
    this.known = NOTHING;
    this.outlineChanges.value += 1;
    if (this.#readingAt === null) this.#viewport?.toEnd();
    this.refresh();
  }

  #readOn(line: number): void {
    this.#readingAt = null;
    if (line <= this.rows.lines) this.#viewport?.toRow(this.rows.rowOf(line));
    else this.#viewport?.toEnd();
  }

  setLive(live: LiveLine | null): void {
    this.#live = live;
    this.rows.live = live === null ? 0 : (live.rows?.length ?? 1);
    this.refresh();
  }

  /** The log has lines up to here, whether they are loaded or not. */
  reaches(line: number): void {
    this.rows.grow(line);
    this.total.value = this.rows.lines;
    this.refresh();
  }

  /** Show these lines alone, in order; null: the whole log. What is at the top stays there, or `row` comes there. */
  showOnly(lines: readonly number[] | null, row: number | null = null): void {
    const kept = this.#kept(this.firstRow);
    const switched = (this.rows.only === null) !== (lines === null);
    this.rows.only = lines;
    if (!switched) this.#keep(kept);
    else if (this.#viewport?.following.peek()) this.#viewport.toEnd();
    else this.#viewport?.toRow(row ?? (kept ? this.rows.rowOfAnchor(kept.anchor) : 0));
    this.refresh();
  }

  /** When the run began, where no event says it. */
  startedAt(t: number | null): void {
    if (t !== null) this.#intake.began ??= t;
  }

  paused(): void {
    this.#pausedAt = this.rows.lines;
    this.#count();
  }

  /** Learn of sections and errors in lines that are not loaded. */
  async learn(): Promise<void> {
    const known = await fetchOutline(this.#run, () => this.#loader.proof?.epoch);
    if (known === null) return;
    this.known = known;
    this.outlineChanges.value += 1;
    if (known.groups.length === 0) return;
    const kept = this.#kept();
    this.groups.outline(known.groups);
    this.rows.add(known.headers.filter((note) => note.at <= this.rows.lines + 1));
    this.folds.apply();
    this.#keep(kept);
    this.outlineChanges.value += 1;
  }

  // What the list asks.

  get count(): number {
    return this.rows.count;
  }

  key(row: number): string {
    const shown = this.rows.at(row);
    if (shown.kind === "line") return `L${shown.line}`;
    if (shown.kind === "live") return shown.index === 0 ? "live" : `live${shown.index}`;
    return `${shown.note.kind}${idText(shown.note.id)}`;
  }

  rowModel(row: number): RowModel {
    const shown = this.rows.at(row);
    if (shown.kind === "line") return this.#lineModel(shown.line);
    if (shown.kind === "note") {
      const { note } = shown;
      const group = note.group ? (this.folds.of(note.id) ?? null) : null;
      const time =
        note.kind === "cut" || note.t === 0
          ? ""
          : timeText(this.timeMode.peek(), note.t, this.#intake.began, null);
      return { kind: "note", note, group, time };
    }
    const live = this.#live ?? { line: this.rows.lines + 1, text: "", progress: null };
    const rows = live.rows ?? [live.text];
    const last = shown.index === rows.length - 1;
    return {
      kind: "live",
      line: live.line,
      text: rows[shown.index] ?? "",
      progress: last ? live.progress : null,
      // Several rows come with all their codes.
      style: live.rows ? PLAIN : this.lines.style(live.line),
    };
  }

  /** When a row was written, in words, if no column says it; empty if that is not known. */
  written(row: number): string {
    const shown = this.rows.at(row);
    if (shown.kind === "live" || this.timeMode.peek() !== "off") return "";
    const t = shown.kind === "line" ? this.lines.time(shown.line) : shown.note.t;
    return t ? timeBeside(t, this.#intake.began) : "";
  }

  seen(first: number, last: number): void {
    wantSeen(this.lines, this.rows, first, last);
  }

  // What you do.

  /** Show a line at a third of the viewport's height, in an open group. */
  goTo(line: number): void {
    if (this.rows.only && this.rows.hidden(line)) this.missed.emit();
    if (this.folds.reveal(line)) this.#refold();
    this.#viewport?.toRow(this.rows.rowOf(line), 1 / 3);
  }

  /** Show the first hit of a search in a line. */
  goToHit(line: number): void {
    this.current = line;
    if (this.folds.reveal(line)) this.#refold();
    this.#viewport?.toHit(this.rows.rowOf(line));
  }

  fold(group: Group, folded: boolean): void {
    this.folds.fold(group, folded);
    this.#refold();
  }

  /** True if they are folded now. */
  foldAll(): boolean {
    const folded = this.folds.foldAll();
    this.#refold();
    return folded;
  }

  showWhole(line: number): void {
    this.#lineRows.showWhole(line);
    this.refresh();
  }

  /** The row of a group's header, as far as it is known. */
  headRow(group: Group): number {
    if (group.head !== null) return this.rows.rowOf(group.head);
    return this.rows.rowOfNote(group.first, group.id) ?? this.rows.rowOf(group.first);
  }

  /** The first row that can be seen. */
  get firstRow(): number {
    return this.#viewport?.top.row ?? 0;
  }

  get firstVisible(): number {
    return this.lineNear(this.firstRow);
  }

  #lineModel(line: number): RowModel {
    const marked = this.marked.peek();
    return this.#lineRows.of(line, {
      mode: this.timeMode.peek(),
      began: this.#intake.began,
      current: line === this.current,
      marked: marked !== null && line >= marked.first && line <= marked.last,
      total: this.over ? this.rows.lines : -1,
    });
  }

  /** The line of a row, or the one near it where the row is none. */
  lineNear(row: number): number {
    return this.rows.lineNear(row);
  }

  #count(): void {
    const paused = this.#viewport ? !this.#viewport.following.peek() : false;
    this.newLines.value = paused ? this.rows.lines - this.#pausedAt : 0;
  }

  /** Items from before the end: what stands on the screen stays where it is. */
  #history(items: readonly Item[]): void {
    const kept = this.#kept();
    this.#add(items);
    this.#keep(kept);
    this.#lineRows.loaded();
  }

  /** What must stay where it is while rows come or go. */
  #kept(row = this.#viewport?.held ?? 0): Kept | null {
    return this.#viewport && this.count > 0 ? { row, anchor: this.rows.anchor(row) } : null;
  }

  #keep(kept: Kept | null): void {
    if (kept) this.#viewport?.shift(this.rows.rowOfAnchor(kept.anchor), kept.row);
    this.refresh();
  }

  #refold(): void {
    const kept = this.#kept(this.firstRow);
    this.folds.apply();
    this.#keep(kept);
    this.outlineChanges.value += 1;
  }

  #add(items: readonly Item[], readTo = 0): void {
    if (this.#intake.add(items, readTo)) this.outlineChanges.value += 1;
  }

  async #learnStyle(line: number): Promise<void> {
    await this.#loader.learnStyle(line, this.lines);
    this.refresh();
  }
}

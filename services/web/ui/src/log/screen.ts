// What the log's list shows: takes checked items, keeps lines, notes and groups in
// step, fetches what is looked at, and answers the port's questions.

import { signal } from "@preact/signals";
import { type LogWindow, logWindow, outline, Problem } from "../api";
import { Emitter } from "../emitter";
import { Discontinuity, type Position } from "../protocol/cursor";
import { type Entry, type Item, idText, isCut, splitLines } from "../protocol/entry";
import { decodeEvent } from "../protocol/event";
import { inSlices } from "../slices";
import type { Span } from "./finding";
import { type Group, Groups, type Mark, markOf } from "./groups";
import { Islands } from "./islands";
import { BLOCK_LINES, Lines } from "./lines";
import type { LineRange } from "./links";
import type { List, Source } from "./list";
import type { LiveLine } from "./messages";
import { cutNote, eventNote, headerNote, outlined } from "./notes";
import { around } from "./pieces";
import { type RowModel, SHOWN_CHARACTERS } from "./row";
import { type Anchor, type Note, Rows } from "./rows";
import { PLAIN, styleOf } from "./style";
import { type TimeMode, timeText } from "./times";
import { eventWords } from "./words";

/** What is known of the proof, from the one who follows the log. */
export interface Proof {
  readonly epoch: number | null;
  readonly beganAt: Position | null;
  /** Move the checked part's beginning up by a piece that reaches it. */
  join(start: Position, values: readonly unknown[]): Promise<unknown>;
  mismatch(error: Discontinuity): void;
}

/** The hits of a search in a line's text. */
export type Highlighter = (line: number, text: string) => readonly Span[];

/** Marks that `e` goes to. */
const ERRORS = new Set(["error", "worker-lost", "store-lost", "overflow"]);

export class LogScreen implements Source {
  readonly rows = new Rows();
  readonly groups = new Groups();
  readonly islands = new Islands();
  readonly lines: Lines;
  readonly total = signal(0);
  /** Lines that came since the reader paused. */
  readonly unseen = signal(0);
  readonly timeMode = signal<TimeMode>("off");
  readonly marked = signal<LineRange | null>(null);
  /** Rises whenever groups, warnings or errors change. */
  readonly outline = signal(0);
  /** New lines came at the end. */
  readonly grown = new Emitter<[first: number, last: number]>();
  /** The line of the current hit or error. */
  current = 0;
  /** Lines with errors, as the server knows them. */
  errors: readonly number[] = [];
  warnings: readonly number[] = [];
  /** What the quota took, whether the rows around it are here or not. */
  cut: LineRange | null = null;
  /** Groups of the whole log, as the server counted them. */
  counted = 0;
  /** The log will not grow any more. */
  over = false;
  /** Lines of text that are fetched to be checked are not kept. */
  keeping = true;
  readonly #run: string;
  readonly #whole = new Set<number>();
  readonly #failures = new Map<number, string>();
  #list: List | null = null;
  #proof: Proof | null = null;
  #highlighter: Highlighter = () => [];
  /** Lines the log had when it was opened. */
  #backlog = 0;
  #live: LiveLine | null = null;
  #began: number | null = null;
  #pausedAt = 0;
  /** Where the reader was when another history began. */
  #readingAt: number | null = null;

  constructor(run: string) {
    this.#run = run;
    this.lines = new Lines((from, limit, abort) => this.#load(from, limit, abort));
    this.lines.failed.on((from, error) => {
      this.#failures.set(Math.floor((from - 1) / BLOCK_LINES), error.message);
      this.refresh();
    });
  }

  /** Show it in a list. */
  attach(list: List): void {
    this.#list = list;
  }

  /** Whom to ask and tell about the proof. */
  proveWith(proof: Proof): void {
    this.#proof = proof;
  }

  /** Who knows the hits of a search in a line. */
  highlightWith(highlighter: Highlighter): void {
    this.#highlighter = highlighter;
  }

  get list(): List | null {
    return this.#list;
  }

  /** Something to draw has changed. */
  refresh(): void {
    this.#list?.schedule();
  }

  // What the follower tells.

  opened(lines: number): void {
    this.#backlog ||= lines;
  }

  append(items: readonly Item[]): void {
    const first = this.rows.lines + 1;
    this.#take(items);
    const begin = items.find((item) => !isCut(item) && item.type === "o") as Entry | undefined;
    if (begin && this.#isIsland(begin.from)) void this.#learnStyle(begin.from);
    this.total.value = this.rows.lines;
    // What is there when the log is opened is not new.
    if (first === 1 || this.rows.lines <= this.#backlog) this.#pausedAt = this.rows.lines;
    this.#count();
    if (this.rows.lines >= first) this.grown.emit(first, this.rows.lines);
    if (this.#readingAt !== null && this.rows.lines > 0) this.#readOn(this.#readingAt);
    this.refresh();
  }

  /** Nothing here tells in which style a line begins. */
  #isIsland(line: number): boolean {
    return line > 1 && this.lines.get(line - 1) === undefined && !this.lines.styles.knows(line);
  }

  prepend(items: readonly Item[]): void {
    this.#history(items);
  }

  stood(from: Position, to: Position): void {
    this.islands.stood(from, to);
  }

  /** Another history begins; a reader who had stopped following stays at the line, if there is one. */
  clear(): void {
    if (this.#list?.following.peek() === false && this.count > 0)
      this.#readingAt ??= this.firstVisible;
    this.lines.clear();
    this.rows.clear();
    this.groups.clear();
    this.islands.clear();
    this.#whole.clear();
    this.#failures.clear();
    this.#live = null;
    this.#began = null;
    this.#pausedAt = 0;
    this.total.value = 0;
    this.unseen.value = 0;
    this.cut = null;
    this.outline.value += 1;
    if (this.#readingAt === null) this.#list?.toEnd();
    this.refresh();
  }

  #readOn(line: number): void {
    this.#readingAt = null;
    if (line <= this.rows.lines) this.#list?.toRow(this.rows.rowOf(line));
    else this.#list?.toEnd();
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

  /** When the run began, where no event says it. */
  startedAt(t: number | null): void {
    if (t !== null) this.#began ??= t;
  }

  paused(): void {
    this.#pausedAt = this.rows.lines;
    this.#count();
  }

  /** Learn of sections and errors in lines that are not loaded. */
  async learn(): Promise<void> {
    let found: Awaited<ReturnType<typeof outline>>;
    try {
      found = await outline(this.#run);
    } catch {
      // What is loaded tells of itself.
      return;
    }
    const epoch = this.#proof?.epoch;
    if (epoch !== null && epoch !== found.epoch) return;
    const marked = (holds: (kind: string) => boolean) =>
      found.marks.filter((mark) => holds(mark.kind)).map((mark) => mark.line);
    this.errors = marked((kind) => ERRORS.has(kind));
    this.warnings = marked((kind) => kind === "warning");
    const cut = found.marks.find((mark) => mark.kind === "cut");
    this.cut = cut ? { first: cut.line, last: cut.to ?? cut.line } : null;
    this.counted = found.counts["group"] ?? 0;
    this.outline.value += 1;
    if (found.groups.length === 0) return;
    const anchor = this.#anchor();
    this.groups.outline(found.groups.map(outlined));
    const notes = found.groups.filter((group) => group.title_line === null).map(headerNote);
    this.rows.add(notes.filter((note) => note.at <= this.rows.lines + 1));
    this.rows.fold(this.groups.folds());
    this.#restore(anchor);
    this.outline.value += 1;
  }

  // What the port asks.

  get count(): number {
    return this.rows.count;
  }

  key(row: number): string {
    const shown = this.rows.at(row);
    if (shown.kind === "line") return `L${shown.line}`;
    if (shown.kind === "live") return shown.index === 0 ? "live" : `live${shown.index}`;
    return `${shown.note.kind}${idText(shown.note.id)}`;
  }

  model(row: number): RowModel {
    const shown = this.rows.at(row);
    if (shown.kind === "line") return this.#lineModel(shown.line);
    if (shown.kind === "note") {
      const { note } = shown;
      const group = note.group ? (this.groups.of(note.id) ?? null) : null;
      const time =
        note.kind === "cut" || note.t === 0
          ? ""
          : timeText(this.timeMode.peek(), note.t, this.#began, null);
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

  seen(first: number, last: number): void {
    const from = this.lineNear(first);
    const to = this.lineNear(last);
    this.lines.seen(from, to);
    let missing = 0;
    let end = 0;
    for (let row = first; row <= last; row += 1) {
      const shown = this.rows.at(row);
      if (shown.kind !== "line" || this.lines.get(shown.line) !== undefined) continue;
      missing ||= shown.line;
      end = shown.line;
    }
    if (missing) this.lines.want(missing, Math.min(end, missing + BLOCK_LINES));
    else this.lines.satisfied();
  }

  // What the reader does.

  /** Show a line at a third of the port's height, in an open group. */
  goTo(line: number): void {
    if (this.groups.reveal(line)) this.#refold();
    this.#list?.toRow(this.rows.rowOf(line), 1 / 3);
  }

  /** Show the first hit of a search in a line. */
  goToHit(line: number): void {
    this.current = line;
    if (this.groups.reveal(line)) this.#refold();
    this.#list?.toHit(this.rows.rowOf(line));
  }

  fold(group: Group, folded: boolean): void {
    this.groups.fold(group, folded);
    this.#refold();
  }

  /** True if they are folded now. */
  foldAll(): boolean {
    const folded = !this.groups.all.every((group) => group.folded);
    this.groups.foldAll(folded);
    this.#refold();
    return folded;
  }

  showWhole(line: number): void {
    this.#whole.add(line);
    this.refresh();
  }

  /** The row of a group's header, as far as it is known. */
  headRow(group: Group): number {
    if (group.head !== null) return this.rows.rowOf(group.head);
    return this.rows.rowOfNote(group.first, group.id) ?? this.rows.rowOf(group.first);
  }

  get firstVisible(): number {
    return this.lineNear(this.#list?.top.row ?? 0);
  }

  #lineModel(line: number): RowModel {
    const text = this.lines.get(line);
    const t = text === undefined ? null : this.lines.time(line);
    const mode = this.timeMode.peek();
    const marked = this.marked.peek();
    const spans = text === undefined ? [] : this.#highlighter(line, text);
    const current = line === this.current;
    // A hit that is gone to has to be seen.
    const far = current && (spans[0]?.[1] ?? 0) > SHOWN_CHARACTERS / 2;
    return {
      kind: "line",
      line,
      text,
      missing: text === undefined ? this.#missing(line) : "",
      style: this.lines.style(line),
      continues: this.lines.continues(line),
      context: around(this.lines, line),
      time: timeText(mode, t, this.#began, mode === "gap" ? this.lines.time(line - 1) : null),
      level: this.groups.levels.get(line) ?? null,
      group: this.groups.headOn(line) ?? null,
      spans,
      current,
      marked: marked !== null && line >= marked.first && line <= marked.last,
      whole: far || this.#whole.has(line),
      total: this.over ? this.rows.lines : -1,
    };
  }

  #missing(line: number): string {
    const why = this.#failures.get(Math.floor((line - 1) / BLOCK_LINES));
    return why ? `could not be loaded: ${why}` : "";
  }

  /** The line of a row, or the one near it where the row is none. */
  lineNear(row: number): number {
    for (let at = Math.min(row, this.count - 1); at >= 0; at -= 1) {
      const shown = this.rows.at(at);
      if (shown.kind === "line") return shown.line;
      if (shown.kind === "note") return Math.max(1, Math.min(shown.note.at, this.rows.lines));
    }
    return 1;
  }

  #count(): void {
    const paused = this.#list ? !this.#list.following.peek() : false;
    this.unseen.value = paused ? this.rows.lines - this.#pausedAt : 0;
  }

  async #load(from: number, limit: number, abort: AbortSignal): Promise<number> {
    const window = await logWindow(this.#run, from, limit, null, abort);
    const { epoch, from: line, chain, entries } = window;
    const proof = this.#proof;
    if (proof && proof.epoch !== null && proof.epoch !== epoch) {
      throw new Problem(409, { title: "The stored log is another one now." });
    }
    try {
      const { items } = await inSlices(this.islands.checking({ epoch, line, chain }, entries));
      // Another history may have begun meanwhile.
      abort.throwIfAborted();
      const before = proof?.beganAt;
      if (before && line < before.line && window.next.line >= before.line) {
        await proof?.join({ epoch, line, chain }, entries);
        abort.throwIfAborted();
      }
      this.#begins(window);
      this.#history(items);
      this.#failures.clear();
    } catch (error) {
      if (error instanceof Discontinuity) proof?.mismatch(error);
      throw error;
    }
    return window.next.line;
  }

  /** What the server knows of the style in force where a window begins. */
  #begins(window: LogWindow): void {
    if (typeof window.style === "string" || window.link) {
      this.lines.styles.begins(window.from, styleOf(window.style ?? "", window.link ?? ""));
    }
  }

  /** The end of a log comes without the style that it begins in. */
  async #learnStyle(line: number): Promise<void> {
    try {
      const window = await logWindow(this.#run, line, 1);
      if (window.from !== line || window.epoch !== this.#proof?.epoch) return;
      this.#begins(window);
      this.refresh();
    } catch (error) {
      // It stays plain; whoever wants the lines before is told what is wrong.
      if (!(error instanceof Problem)) throw error;
    }
  }

  /** Items from before the end: what stands on the screen stays where it is. */
  #history(items: readonly Item[]): void {
    const anchor = this.#anchor();
    this.#take(items);
    this.#restore(anchor);
  }

  #anchor(): Anchor | null {
    return this.#list && this.count > 0 ? this.rows.anchor(this.#list.top.row) : null;
  }

  #restore(anchor: Anchor | null): void {
    if (anchor) this.#list?.shift(this.rows.rowOfAnchor(anchor));
    this.refresh();
  }

  #refold(): void {
    const anchor = this.#anchor();
    this.rows.fold(this.groups.folds());
    this.#restore(anchor);
    this.outline.value += 1;
  }

  #take(items: readonly Item[]): void {
    const notes: Note[] = [];
    const marks: Mark[] = [];
    const place = () => {
      if (notes.length > 0) this.rows.add(notes.splice(0));
    };
    for (const item of items) {
      if (isCut(item)) {
        notes.push(cutNote(item));
        place();
        this.rows.grow(item.to);
      } else if (item.type === "o") {
        place();
        if (this.keeping)
          this.lines.put(item.from, splitLines(item.payload), item.t, item.continues);
        this.rows.grow(item.from + item.n - 1);
      } else {
        this.#event(item, notes, marks);
      }
    }
    place();
    if (marks.length > 0 && this.groups.add(marks)) {
      this.rows.fold(this.groups.folds());
      this.outline.value += 1;
    }
  }

  #event(entry: Entry, notes: Note[], marks: Mark[]): void {
    const event = decodeEvent(entry);
    if (event.kind === "start") {
      // What an attempt left switched on ends with it.
      this.lines.styles.begins(entry.from, PLAIN);
      if (this.#began === null || entry.t < this.#began) this.#began = entry.t;
    }
    const mark = markOf(entry, event);
    if (mark) marks.push(mark);
    // The line that caused it is marked itself; the end of a group shows at its beginning.
    if (mark && (mark.line !== null || mark.kind === "endgroup")) return;
    if (event.kind === "store-lost") {
      const [from, to] = [Number(event["from"]), Number(event["to"])];
      if (to >= from && from > 0) {
        notes.push({ ...eventNote(entry, eventWords(event)), kind: "cut", at: from, to });
        return;
      }
    }
    notes.push({ ...eventNote(entry, eventWords(event)), group: event.kind === "group" });
  }
}

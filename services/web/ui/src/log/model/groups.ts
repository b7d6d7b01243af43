// The sections of a log, from its events: where they begin and end, how long they
// took, what went wrong inside. Pure.

import { compareIds, type Entry, type EntryId, idText } from "../../protocol/entry";
import type { Event } from "../../protocol/event";
import type { Fold } from "./rows";

const KINDS = ["group", "endgroup", "warning", "error", "start", "end"] as const;

export interface Mark {
  readonly id: EntryId;
  readonly kind: (typeof KINDS)[number];
  /** The next line after the event. */
  readonly at: number;
  /** The stored line that caused it, if one did. */
  readonly line: number | null;
  readonly title: string;
  readonly t: number;
}

export interface Group {
  readonly id: EntryId;
  readonly title: string;
  /** The line that is its header; null: the event's own row is. */
  readonly head: number | null;
  readonly first: number;
  /** Infinity while it is open. */
  last: number;
  readonly depth: number;
  readonly since: number;
  until: number | null;
  errors: number;
  warnings: number;
  folded: boolean;
  /** The event that ended it. */
  before: EntryId | null;
  /** Its attempt ended before it was closed. */
  unclosed: boolean;
}

/** The mark an event makes, or null. */
export function markOf(entry: Entry, event: Event): Mark | null {
  const kind = KINDS.find((one) => one === event.kind);
  if (kind === undefined) return null;
  const line = event["line"];
  return {
    id: entry.id,
    kind,
    at: entry.from,
    line: typeof line === "number" && line > 0 ? line : null,
    title: typeof event["title"] === "string" ? event["title"] : "",
    t: entry.t,
  };
}

export class Groups {
  #marks: Mark[] = [];
  readonly #met = new Set<string>();
  #outline: readonly Group[] = [];
  #groups: Group[] = [];
  #stack: Group[] = [];
  #byHead = new Map<number, Group>();
  #byId = new Map<string, Group>();
  /** Line → what a marker said about it. */
  readonly levels = new Map<number, "warning" | "error">();
  readonly #chosen = new Map<string, boolean>();
  /** All groups up to this event were folded, those as well that are learnt of later. */
  #foldedTo: EntryId | null = null;

  get all(): readonly Group[] {
    return this.#groups;
  }

  /** Groups the server knows of, whether their lines are here or not. */
  outline(groups: readonly Group[]): void {
    this.#outline = groups;
    this.#replay();
  }

  clear(): void {
    this.#marks = [];
    this.#met.clear();
    this.#outline = [];
    this.#chosen.clear();
    this.#foldedTo = null;
    this.#replay();
  }

  /** Marks in any order; those known already are left out. True if anything is new. */
  add(marks: readonly Mark[]): boolean {
    let changed = false;
    let inside = false;
    for (const mark of marks) {
      const name = idText(mark.id);
      if (this.#met.has(name)) continue;
      this.#met.add(name);
      const last = this.#marks[this.#marks.length - 1];
      if (last && compareIds(mark.id, last.id) < 0) inside = true;
      this.#marks.push(mark);
      if (!inside) this.#take(mark);
      changed = true;
    }
    if (inside) {
      this.#marks.sort((a, b) => compareIds(a.id, b.id));
      this.#replay();
    }
    return changed;
  }

  headOn(line: number): Group | undefined {
    return this.#byHead.get(line);
  }

  of(id: EntryId): Group | undefined {
    return this.#byId.get(idText(id));
  }

  /** The groups around a line, the outermost first. */
  around(line: number): Group[] {
    return this.#groups.filter(
      (group) => line >= (group.head ?? group.first) && line <= group.last,
    );
  }

  fold(group: Group, folded: boolean): void {
    group.folded = folded;
    this.#chosen.set(idText(group.id), folded);
  }

  foldAll(folded: boolean): void {
    for (const group of this.#groups) this.fold(group, folded);
    this.#foldedTo = folded ? (this.#marks[this.#marks.length - 1]?.id ?? null) : null;
  }

  #isFolded(id: EntryId): boolean {
    const chosen = this.#chosen.get(idText(id));
    return chosen ?? (this.#foldedTo !== null && compareIds(id, this.#foldedTo) <= 0);
  }

  /** Open every group that hides a line; true if there was one. */
  reveal(line: number): boolean {
    const closed = this.around(line).filter((group) => group.folded && line >= group.first);
    for (const group of closed) this.fold(group, false);
    return closed.length > 0;
  }

  /** What is hidden: folded groups that lie in no other folded group. */
  folds(): Fold[] {
    const folds: Fold[] = [];
    let end = 0;
    for (const group of this.#groups) {
      if (!group.folded || group.first <= end) continue;
      folds.push({ first: group.first, last: group.last, after: group.id, before: group.before });
      end = group.last;
    }
    return folds;
  }

  #replay(): void {
    this.#groups = [];
    this.#stack = [];
    this.#byHead.clear();
    this.#byId.clear();
    this.levels.clear();
    for (const mark of this.#marks) this.#take(mark);
    for (const group of this.#outline) this.#correct(group);
    this.#stack = this.#stack.filter((group) => group.last === Number.POSITIVE_INFINITY);
    const more = this.#outline.filter((group) => !this.#byId.has(idText(group.id)));
    for (const group of more) {
      group.folded = this.#isFolded(group.id);
      this.#byId.set(idText(group.id), group);
      if (group.head !== null) this.#byHead.set(group.head, group);
    }
    if (more.length > 0) {
      this.#groups = [...this.#groups, ...more].sort((a, b) => compareIds(a.id, b.id));
    }
  }

  /** The server has seen the events between those that are here. */
  #correct(known: Group): void {
    const group = this.#byId.get(idText(known.id));
    if (!group || known.last === Number.POSITIVE_INFINITY || known.until === null) return;
    if (group.last !== known.last) group.before = null;
    group.last = known.last;
    group.until = group.since + known.until - known.since;
    group.unclosed = known.unclosed;
    group.errors = Math.max(group.errors, known.errors);
    group.warnings = Math.max(group.warnings, known.warnings);
  }

  #take(mark: Mark): void {
    switch (mark.kind) {
      case "group":
        this.#open(mark);
        break;
      case "endgroup":
        this.#close(mark, this.#stack.length - 1, false);
        break;
      case "start":
      case "end":
        // What an attempt left open ends with it.
        this.#close(mark, 0, true);
        break;
      default:
        if (mark.line !== null) this.levels.set(mark.line, mark.kind);
        for (const group of this.#stack) {
          if (mark.kind === "error") group.errors += 1;
          else group.warnings += 1;
        }
    }
  }

  #open(mark: Mark): void {
    const name = idText(mark.id);
    const group: Group = {
      id: mark.id,
      title: mark.title,
      head: mark.line,
      first: mark.line === null ? mark.at : mark.line + 1,
      last: Number.POSITIVE_INFINITY,
      depth: this.#stack.length,
      since: mark.t,
      until: null,
      errors: 0,
      warnings: 0,
      folded: this.#isFolded(mark.id),
      before: null,
      unclosed: false,
    };
    this.#groups.push(group);
    this.#stack.push(group);
    this.#byId.set(name, group);
    if (mark.line !== null) this.#byHead.set(mark.line, group);
  }

  #close(mark: Mark, from: number, unclosed: boolean): void {
    if (from < 0) return;
    for (const group of this.#stack.splice(from)) {
      group.last = Math.max(group.first - 1, mark.line ?? mark.at - 1);
      group.until = mark.t;
      group.before = mark.id;
      group.unclosed = unclosed;
    }
  }
}

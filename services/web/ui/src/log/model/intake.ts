// Sorts checked items into lines, notes and groups.

import { type Entry, type Item, isCut, splitLines } from "../../protocol/entry";
import { decodeEvent } from "../../protocol/event";
import type { Detected } from "./detected";
import { type Groups, type Mark, markOf } from "./groups";
import type { Lines } from "./lines";
import { cutNote, eventNote } from "./notes";
import type { Note, Rows } from "./rows";
import { PLAIN } from "./style";
import { eventWords } from "./words";

export class Intake {
  /** False: the text is only checked, and not kept. */
  keepText = true;
  /** When the run began (ms since 1970), as far as known. */
  began: number | null = null;
  readonly #lines: Lines;
  readonly #rows: Rows;
  readonly #groups: Groups;
  readonly #detected: Detected;

  constructor(lines: Lines, rows: Rows, groups: Groups, detected: Detected) {
    this.#lines = lines;
    this.#rows = rows;
    this.#groups = groups;
    this.#detected = detected;
  }

  /** Items in order. True if groups, warnings or errors changed. */
  add(items: readonly Item[]): boolean {
    const notes: Note[] = [];
    const marks: Mark[] = [];
    let detected = false;
    const place = () => {
      if (notes.length > 0) this.#rows.add(notes.splice(0));
    };
    for (const item of items) {
      if (isCut(item)) {
        notes.push(cutNote(item));
        place();
        this.#rows.grow(item.to);
      } else if (item.type === "o") {
        place();
        if (this.keepText) {
          const texts = splitLines(item.payload);
          this.#lines.put(item.from, texts, item.t, item.continues);
          if (this.#detected.came(item.from, texts)) detected = true;
        }
        this.#rows.grow(item.from + item.n - 1);
      } else {
        this.#event(item, notes, marks);
      }
    }
    place();
    const changed = marks.length > 0 && this.#groups.add(marks);
    if (changed) this.#rows.fold(this.#groups.folds());
    return changed || detected;
  }

  #event(entry: Entry, notes: Note[], marks: Mark[]): void {
    const event = decodeEvent(entry);
    if (event.kind === "start") {
      // What an attempt left switched on ends with it.
      this.#lines.styles.begins(entry.from, PLAIN);
      if (this.began === null || entry.t < this.began) this.began = entry.t;
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

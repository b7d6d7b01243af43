// Sorts checked items into lines, notes and groups.

import { type Entry, type Item, isCut, splitLines } from "../../protocol/entry";
import { decodeEvent } from "../../protocol/event";
import type { Detected } from "./detected";
import type { Folds } from "./folds";
import type { Frames } from "./frames";
import { type Groups, type Mark, markOf } from "./groups";
import type { Lines } from "./lines";
import type { LineRange } from "./links";
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
  readonly #frames: Frames;
  readonly #folds: Folds;
  readonly #detected: Detected;

  constructor(
    lines: Lines,
    rows: Rows,
    groups: Groups,
    frames: Frames,
    folds: Folds,
    detected: Detected,
  ) {
    this.#lines = lines;
    this.#rows = rows;
    this.#groups = groups;
    this.#frames = frames;
    this.#folds = folds;
    this.#detected = detected;
  }

  /**
   * Items in order.
   *
   * @param readTo - The last line that a reader may be looking at, who does not follow: nothing there is folded by itself.
   * @returns Whether groups, frames of libraries, warnings or errors changed.
   */
  add(items: readonly Item[], readTo = 0): boolean {
    const notes: Note[] = [];
    const marks: Mark[] = [];
    const came: LineRange[] = [];
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
          extend(came, item.from, item.from + texts.length - 1);
        }
        this.#rows.grow(item.from + item.n - 1);
      } else {
        this.#event(item, notes, marks);
      }
    }
    place();
    const changed = marks.length > 0 && this.#groups.add(marks);
    const frames = came.filter(({ first, last }) =>
      this.#frames.came(this.#lines, first, last, readTo),
    );
    if (changed || frames.length > 0) this.#folds.apply();
    return changed || detected || frames.length > 0;
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

/** Add lines to the last of some ranges, or as one more. */
function extend(ranges: LineRange[], first: number, last: number): void {
  const before = ranges[ranges.length - 1];
  if (before?.last === first - 1) ranges[ranges.length - 1] = { first: before.first, last };
  else ranges.push({ first, last });
}

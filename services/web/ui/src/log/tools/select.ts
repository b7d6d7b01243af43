// TextSelection and copying: the browser's own selection, kept alive while its rows
// leave the screen; the text comes from the store, without numbers and codes.

import { signal } from "@preact/signals";
import { copyLater, copyText } from "../../clipboard";
import { withCommas } from "../../numbers";
import type { VirtualList } from "../drawing/virtuallist";
import { type Swap, storedColumn } from "../model/annotation";
import { plain } from "../model/ansi";
import { BLOCK_LINES } from "../model/lineblocks";
import { type LineRange, overlaps } from "../model/links";
import type { LogModel } from "../model/logmodel";

/** More is a file. */
export const COPY_LINES = 20_000;
/** Lines that lie apart are fetched one by one, each with what is stored beside it. */
export const APART_LINES = 2_000;

interface Point {
  readonly line: number;
  readonly column: number;
}

interface CopiedText {
  readonly text: string;
  readonly lines: number;
  readonly cut: number;
}

/** What it must know of the page. */
interface Around {
  /** Ends with the log. */
  readonly closed: AbortSignal;
  /** What is selected as a whole is copied from this log. */
  readonly hasKeys: () => boolean;
}

export class TextSelection {
  /** A sentence for the reader about what was or can be copied. */
  readonly notice = signal("");
  /** All lines are selected, not only those in the page. */
  readonly all = signal(false);
  readonly #model: LogModel;
  readonly #list: VirtualList;
  /** Lines that are being fetched to be copied. */
  #copying: LineRange | null = null;

  constructor(model: LogModel, list: VirtualList, { closed, hasKeys }: Around) {
    this.#model = model;
    this.#list = list;
    const { rows } = list;
    document.addEventListener("selectionchange", () => this.#selected(rows), { signal: closed });
    document.addEventListener(
      "copy",
      (event) => {
        if (hasKeys() || !this.all.peek()) this.#copy(event, rows);
      },
      { signal: closed },
    );
    model.lines.pin((block) => {
      const range = this.#range(rows);
      const held = (first: number, last: number) =>
        (block + 1) * BLOCK_LINES >= first && block * BLOCK_LINES + 1 <= last;
      return (
        (range !== null && held(range[0].line, range[1].line)) ||
        (this.#copying !== null && held(this.#copying.first, this.#copying.last))
      );
    });
  }

  selectAll(): void {
    this.all.value = true;
    const lines = this.#model.rows.only?.length ?? this.#model.total.peek();
    const count = withCommas(lines);
    this.notice.value =
      lines > this.#most
        ? `${count} lines selected, too many to copy: download the log instead.`
        : `${count} lines selected`;
  }

  clear(): void {
    this.all.value = false;
    this.notice.value = "";
    getSelection()?.removeAllRanges();
  }

  /** Copy whole lines; says what happened. */
  async copyLines({ first, last }: LineRange): Promise<void> {
    await this.#copyFrom({ line: first, column: 0 }, { line: last, column: -1 });
  }

  /** Copy what lies between two places, and fetch what is missing of it. */
  async #copyFrom(from: Point, to: Point): Promise<void> {
    if (this.#count(from, to) > this.#most) {
      this.notice.value = `Nothing was copied: ${withCommas(this.#most)} lines is the most. Download the log instead.`;
      return;
    }
    const here = this.#textBetween(from, to);
    if (here) {
      await this.copyText(here.text, copiedWords(here.lines, here.cut));
      return;
    }
    this.#copying = { first: from.line, last: to.line };
    this.notice.value = "Loading the lines to copy them…";
    const loading = this.#load(from, to);
    try {
      const done = await copyLater(loading.then(({ text }) => text));
      const { lines, cut } = await loading;
      this.notice.value = done
        ? copiedWords(lines, cut)
        : "Your browser did not allow copying. The lines are loaded now: copy them once more.";
    } catch (error) {
      this.notice.value = `Nothing was copied: ${(error as Error).message}`;
    } finally {
      this.#copying = null;
    }
  }

  async #load(from: Point, to: Point): Promise<CopiedText> {
    const { lines, rows } = this.#model;
    const apart = rows.onlyBetween(from.line, to.line);
    if (apart === null) await lines.fetch(from.line, to.line);
    else for (const line of apart) await lines.fetch(line, line);
    const copied = this.#textBetween(from, to);
    if (copied === null) throw new Error("some lines could not be loaded.");
    return copied;
  }

  async copyText(text: string, done: string): Promise<void> {
    this.notice.value = (await copyText(text)) ? done : "Your browser did not allow copying.";
  }

  #selected(rows: HTMLElement): void {
    const selection = getSelection();
    const list = this.#list;
    const pinned = new Set<string>();
    if (selection && !selection.isCollapsed) {
      for (const node of [selection.anchorNode, selection.focusNode]) {
        const key = rowOf(node, rows)?.dataset["key"];
        if (key) pinned.add(key);
      }
      if (pinned.size > 0) list.pause();
    }
    list.rendered.pinned = pinned;
  }

  #range(rows: HTMLElement): readonly [Point, Point] | null {
    const selection = getSelection();
    if (!selection || selection.isCollapsed || selection.rangeCount === 0) return null;
    const range = selection.getRangeAt(0);
    const { startContainer, startOffset, endContainer, endOffset } = range;
    // What lies outside of the log is the browser's to copy.
    if (!rows.contains(startContainer) && !rows.contains(endContainer)) return null;
    const from = pointOf(startContainer, startOffset, rows, true);
    const to = pointOf(endContainer, endOffset, rows, false);
    // Within a row that is no line, its words are copied.
    return from && to && from.line <= to.line ? [from, to] : null;
  }

  #copy(event: ClipboardEvent, rows: HTMLElement): void {
    const whole = [
      { line: 1, column: 0 },
      { line: this.#model.total.peek(), column: -1 },
    ] as const;
    const range = this.all.peek() ? whole : this.#range(rows);
    if (!range) return;
    event.preventDefault();
    const copied = this.#count(...range) > this.#most ? null : this.#textBetween(...range);
    if (copied === null) {
      void this.#copyFrom(...range);
      return;
    }
    event.clipboardData?.setData("text/plain", copied.text);
    if (copied.cut > 0) this.notice.value = copiedWords(copied.lines, copied.cut);
  }

  get #most(): number {
    return this.#model.rows.only === null ? COPY_LINES : APART_LINES;
  }

  /** Lines between two places that are shown, or would be, and were not cut. */
  #count(from: Point, to: Point): number {
    const apart = this.#model.rows.onlyBetween(from.line, to.line);
    if (apart !== null) return apart.length;
    const cut = this.#cuts(from, to).reduce((sum, { first, last }) => sum + last - first + 1, 0);
    return to.line - from.line + 1 - cut;
  }

  #cuts(from: Point, to: Point): LineRange[] {
    const { rows, known } = this.#model;
    const { cut } = known;
    return overlaps({ first: from.line, last: to.line }, cut ? [...rows.cuts, cut] : rows.cuts);
  }

  /** The text, and of how many lines. Null if a line is not here. Column -1: the line's end. */
  #textBetween(from: Point, to: Point): CopiedText | null {
    const cuts = this.#cuts(from, to);
    let text = "";
    let [lines, cut] = [0, 0];
    const apart = this.#model.rows.onlyBetween(from.line, to.line);
    const count = apart?.length ?? to.line - from.line + 1;
    for (let i = 0; i < count; i += 1) {
      const line = apart?.[i] ?? from.line + i;
      const stored = this.#model.lines.get(line);
      if (stored === undefined) {
        const gone = cuts.find(({ first, last }) => line >= first && line <= last);
        if (!gone) return null;
        // What was cut cannot be copied, unless it came here before.
        cut += 1;
        continue;
      }
      const shown = plain(stored);
      const start = line === from.line ? from.column : 0;
      const end = line === to.line && to.column >= 0 ? to.column : shown.length;
      text += shown.slice(start, end);
      const goesOn = this.#model.lines.continues(line) && (!apart || apart[i + 1] === line + 1);
      if (i + 1 < count && !goesOn) text += "\n";
      lines += 1;
    }
    return { text, lines, cut };
  }
}

/** What was copied, and what was left out. */
export function copiedWords(lines: number, cut: number): string {
  const words = lines === 1 ? "Line copied" : `${withCommas(lines)} lines copied`;
  return cut === 0 ? words : `${words}; ${withCommas(cut)} were cut`;
}

function rowOf(node: Node | null, rows: HTMLElement): HTMLElement | null {
  const element = node instanceof Element ? node : (node?.parentElement ?? null);
  const row = element?.closest<HTMLElement>(".row") ?? null;
  return row && rows.contains(row) ? row : null;
}

/** Where an end of a selection is, as a line and a column of its text; null if it is in no row. */
function pointOf(
  container: Node,
  offset: number,
  rows: HTMLElement,
  begins: boolean,
): Point | null {
  let row = rowOf(container, rows);
  let node: Node | null = container;
  if (!row) {
    // Between rows, or outside of them: the next one, to its end.
    const behind =
      container === rows ||
      (rows.compareDocumentPosition(container) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
    const at = container === rows ? offset : behind ? rows.children.length : 0;
    row = (rows.children[begins ? at : at - 1] ?? null) as HTMLElement | null;
    node = null;
  }
  if (!row) return null;
  const side = begins ? 0 : -1;
  if (!row.classList.contains("line")) {
    return { line: Number(begins ? row.dataset["first"] : row.dataset["last"]), column: side };
  }
  const line = Number(row.dataset["key"]?.slice(1));
  const text = row.querySelector<HTMLElement>(".text");
  // What is drawn of a group's title, or of a line that is not here, is not its text.
  if (!node || !text || /\b(?:head|hole|failed)\b/.test(row.className))
    return { line, column: side };
  if (!text.contains(node)) {
    const behind = (text.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
    return { line, column: behind ? -1 : 0 };
  }
  const before = document.createRange();
  before.setStart(text, 0);
  before.setEnd(node, offset);
  const column = before.toString().length;
  // Words stand for what marks an error or a warning; what was swapped is copied whole.
  const swaps = text.dataset["swaps"];
  return {
    line,
    column: swaps ? storedColumn(JSON.parse(swaps) as Swap[], column, begins) : column,
  };
}

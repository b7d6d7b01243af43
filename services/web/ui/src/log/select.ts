// Selecting and copying: the browser's own selection, kept alive while its rows
// leave the screen; the text comes from the store, without numbers and codes.

import { signal } from "@preact/signals";
import { copyText } from "../clipboard";
import { grouped } from "../protocol/view";
import { plain } from "./ansi";
import type { LineRange } from "./links";
import type { LogScreen } from "./screen";

/** More is a file. */
export const COPY_LINES = 20_000;

interface Point {
  readonly line: number;
  readonly column: number;
}

export class Selecting {
  /** A sentence for the reader about what was or can be copied. */
  readonly said = signal("");
  /** All lines are selected, not only those in the page. */
  readonly all = signal(false);
  readonly #screen: LogScreen;

  constructor(screen: LogScreen, rows: HTMLElement) {
    this.#screen = screen;
    document.addEventListener("selectionchange", () => this.#selected(rows));
    document.addEventListener("copy", (event) => this.#copy(event, rows));
    screen.lines.pinned = (block) => {
      const range = this.#range(rows);
      if (!range) return false;
      return block * 500 + 500 >= range[0].line && block * 500 + 1 <= range[1].line;
    };
  }

  selectAll(): void {
    this.all.value = true;
    const count = this.#screen.total.peek().toLocaleString("en");
    this.said.value =
      this.#screen.total.peek() > COPY_LINES
        ? `${count} lines selected: download instead of copy`
        : `${count} lines selected`;
  }

  clear(): void {
    this.all.value = false;
    this.said.value = "";
    getSelection()?.removeAllRanges();
  }

  /** Copy whole lines; says what happened. */
  async copyLines({ first, last }: LineRange): Promise<void> {
    if (last - first >= COPY_LINES) {
      this.said.value = "That many lines are better downloaded.";
      return;
    }
    const taken = this.#take({ line: first, column: 0 }, { line: last, column: -1 });
    if (taken === null) {
      this.#screen.lines.need(first, last);
      this.said.value = "Some of these lines are being loaded. Copy again in a moment.";
      return;
    }
    await this.copyText(taken.text, copiedWords(last - first + 1, taken.cut));
  }

  async copyText(text: string, done: string): Promise<void> {
    this.said.value = (await copyText(text)) ? done : "The browser did not let the text be copied.";
  }

  #selected(rows: HTMLElement): void {
    const selection = getSelection();
    const { list } = this.#screen;
    if (!list) return;
    const pinned = new Set<string>();
    if (selection && !selection.isCollapsed) {
      for (const node of [selection.anchorNode, selection.focusNode]) {
        const key = rowOf(node, rows)?.dataset["key"];
        if (key) pinned.add(key);
      }
      if (pinned.size > 0) list.pause();
    }
    list.drawn.pinned = pinned;
  }

  #range(rows: HTMLElement): readonly [Point, Point] | null {
    const selection = getSelection();
    if (!selection || selection.isCollapsed || selection.rangeCount === 0) return null;
    const range = selection.getRangeAt(0);
    const from = pointOf(range.startContainer, range.startOffset, rows);
    const to = pointOf(range.endContainer, range.endOffset, rows);
    return from && to ? [from, to] : null;
  }

  #copy(event: ClipboardEvent, rows: HTMLElement): void {
    if (this.all.peek()) {
      event.preventDefault();
      const last = this.#screen.total.peek();
      const taken =
        last > COPY_LINES ? null : this.#take({ line: 1, column: 0 }, { line: last, column: -1 });
      if (taken !== null) event.clipboardData?.setData("text/plain", taken.text);
      else void this.copyLines({ first: 1, last });
      return;
    }
    const range = this.#range(rows);
    if (!range) return;
    event.preventDefault();
    const [from, to] = range;
    const taken = to.line - from.line < COPY_LINES ? this.#take(from, to) : null;
    if (taken !== null) event.clipboardData?.setData("text/plain", taken.text);
    else void this.copyLines({ first: from.line, last: to.line });
  }

  /** The text, and how many lines of it were cut. Null if a line is not here. Column -1: the line's end. */
  #take(from: Point, to: Point): { readonly text: string; readonly cut: number } | null {
    let text = "";
    let cut = 0;
    for (let line = from.line; line <= to.line; line += 1) {
      const stored = this.#screen.lines.get(line);
      if (stored === undefined) {
        const row = this.#screen.rows.at(this.#screen.rows.rowOf(line));
        // What was cut cannot be copied.
        if (row.kind !== "note" || row.note.kind !== "cut") return null;
        cut += 1;
        continue;
      }
      const shown = plain(stored);
      const start = line === from.line ? from.column : 0;
      const end = line === to.line && to.column >= 0 ? to.column : shown.length;
      text += shown.slice(start, end);
      if (line < to.line && !this.#screen.lines.continues(line)) text += "\n";
    }
    return { text, cut };
  }
}

/** What was copied of so many lines. */
export function copiedWords(lines: number, cut: number): string {
  const copied = lines - cut;
  const words = copied === 1 ? "Line copied" : `${grouped(copied)} lines copied`;
  return cut === 0 ? words : `${words}; ${grouped(cut)} were cut`;
}

function rowOf(node: Node | null, rows: HTMLElement): HTMLElement | null {
  const element = node instanceof Element ? node : (node?.parentElement ?? null);
  const row = element?.closest<HTMLElement>(".row") ?? null;
  return row && rows.contains(row) ? row : null;
}

function pointOf(node: Node, offset: number, rows: HTMLElement): Point | null {
  let row = rowOf(node, rows);
  let column: number | null = null;
  if (!row && node === rows) {
    // Between rows: the one before, to its end.
    row = rows.children[Math.max(0, offset - 1)] as HTMLElement;
    column = -1;
  }
  while (row && !row.classList.contains("line")) {
    row = row.nextElementSibling as HTMLElement | null;
    column = 0;
  }
  if (!row) return null;
  const line = Number(row.dataset["key"]?.slice(1));
  if (column !== null) return { line, column };
  const text = row.querySelector(".text");
  if (!text) return { line, column: 0 };
  if (!text.contains(node)) {
    const behind = (text.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
    return { line, column: behind ? -1 : 0 };
  }
  const before = document.createRange();
  before.setStart(text, 0);
  before.setEnd(node, offset);
  return { line, column: before.toString().length };
}

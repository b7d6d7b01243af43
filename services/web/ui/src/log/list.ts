// The rows in the DOM: one element per line, text as text nodes only. Bounded;
// draws at most once a frame; never moves the text while the reader looks at it.

import { signal } from "@preact/signals";
import type { Item } from "../protocol/entry";
import { grouped } from "../protocol/view";
import { clock } from "../time";
import { FOLLOWING_ROWS, firstLine, READING_ROWS, type Row, rowsOf } from "./rows";
import { clipped } from "./visible";

/** "At the end" within this many pixels: fractional scaling never lands exactly. */
const END_PX = 4;

/** After a drawing that took this long the page rests, so that it stays usable. */
const LONG_DRAWING_MS = 8;
const REST_MS = 100;

export class List {
  /** First line that stands in the page; 0 while there is none. */
  readonly first = signal(0);
  readonly following = signal(true);
  /** Rows that came while the reader looked elsewhere. */
  readonly unseen = signal(0);

  readonly #scroller: HTMLElement;
  readonly #list: HTMLElement;
  /** Where the view stood after the last move, ours or the reader's. */
  #top = 0;
  #drawn: Row[] = [];
  #pending: Row[] = [];
  #scheduled = false;
  #drawingMs = 0;

  constructor(scroller: HTMLElement, list: HTMLElement) {
    this.#scroller = scroller;
    this.#list = list;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.settle()).observe(scroller);
  }

  append(items: readonly Item[]): void {
    for (const item of items) this.#pending.push(...rowsOf(item));
    // A hidden page draws nothing; what could never be drawn is not kept.
    if (this.#pending.length > 2 * READING_ROWS)
      this.#pending.splice(0, this.#pending.length - READING_ROWS);
    this.#schedule();
  }

  prepend(items: readonly Item[]): void {
    this.#draw();
    const rows = items.flatMap(rowsOf);
    const height = this.#scroller.scrollHeight;
    const top = this.#scroller.scrollTop;
    this.#list.prepend(fragment(rows));
    this.#drawn = [...rows, ...this.#drawn];
    this.following.value = false;
    this.#scrollTo(top + this.#scroller.scrollHeight - height);
    this.first.value = firstLine(this.#drawn);
  }

  clear(): void {
    this.#pending = [];
    this.#drawn = [];
    this.#list.replaceChildren();
    this.first.value = 0;
    this.unseen.value = 0;
    this.following.value = true;
  }

  /** Go to the end and stay there. */
  toEnd(): void {
    this.following.value = true;
    this.unseen.value = 0;
    this.#draw();
    this.#scrollTo(this.#scroller.scrollHeight);
  }

  /** The live line or the window's size changed the height. */
  settle(): void {
    if (this.following.value) this.#scrollTo(this.#scroller.scrollHeight);
  }

  /** Only a move up by the reader pauses: growth, resizes and our own writes never do. */
  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const movedUp = scrollTop < this.#top - 1;
    this.#top = scrollTop;
    if (scrollHeight - clientHeight - scrollTop <= END_PX) {
      this.following.value = true;
      this.unseen.value = 0;
    } else if (movedUp) {
      this.following.value = false;
    }
  }

  #scrollTo(top: number): void {
    this.#scroller.scrollTop = top;
    this.#top = this.#scroller.scrollTop;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const begin = () =>
      requestAnimationFrame(() => {
        this.#scheduled = false;
        const before = performance.now();
        this.#draw();
        this.#drawingMs = performance.now() - before;
      });
    if (this.#drawingMs > LONG_DRAWING_MS) setTimeout(begin, REST_MS);
    else begin();
  }

  #draw(): void {
    if (this.#pending.length === 0) return;
    const follow = this.following.value;
    const limit = follow ? FOLLOWING_ROWS : READING_ROWS;
    let rows = this.#pending;
    this.#pending = [];
    if (!follow) this.unseen.value += rows.length;
    const over = Math.max(0, this.#drawn.length + rows.length - limit);
    if (over >= this.#drawn.length) {
      rows = rows.slice(over - this.#drawn.length);
      this.#list.replaceChildren();
      this.#drawn = [];
    } else if (over > 0) {
      for (let i = 0; i < over; i += 1) this.#list.firstChild?.remove();
      this.#drawn.splice(0, over);
    }
    this.#list.append(fragment(rows));
    for (const row of rows) this.#drawn.push(row);
    this.first.value = firstLine(this.#drawn);
    if (follow) this.#scrollTo(this.#scroller.scrollHeight);
  }
}

function fragment(rows: readonly Row[]): DocumentFragment {
  const all = document.createDocumentFragment();
  for (const row of rows) all.append(element(row));
  return all;
}

function element(row: Row): HTMLElement {
  const div = document.createElement("div");
  const text = document.createElement("span");
  text.className = "text";
  if (row.kind === "line") {
    div.className = row.continues ? "row line continues" : "row line";
    div.id = `L${row.line}`;
    const number = document.createElement("a");
    number.className = "number";
    number.href = `#L${row.line}`;
    number.textContent = String(row.line);
    number.setAttribute("aria-label", `line ${grouped(row.line)}`);
    const shown = clipped(row.text);
    text.append(shown.text);
    div.append(number, text);
    if (shown.more > 0) div.append(more(text, row.text, shown.more));
    return div;
  }
  div.className = `row ${row.kind} ${row.level}`;
  const number = document.createElement("span");
  number.className = "number";
  if (row.kind === "event") number.textContent = clock(row.t);
  text.append(row.text);
  div.append(number, text);
  return div;
}

function more(text: HTMLElement, line: string, hidden: number): HTMLElement {
  const button = document.createElement("button");
  button.className = "more";
  button.textContent = `… ${grouped(hidden)} more characters, show`;
  button.addEventListener("click", () => {
    text.textContent = clipped(line, Number.POSITIVE_INFINITY).text;
    button.remove();
  });
  return button;
}

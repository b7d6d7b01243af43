// The rows in the DOM: those on the screen and a few around them, in a viewport that
// stays where it is while the spacer scrolls. Draws at most once a frame; follows
// the end; never moves the text while the reader looks at it.

import { signal } from "@preact/signals";
import { Emitter } from "../../emitter";
import { Gauge } from "./gauge";
import { firstHit, leftFor } from "./hitplace";
import type { Theme } from "./palette";
import {
  bar,
  end,
  endWrapped,
  type Frame,
  moved,
  movedWrapped,
  type Place,
  place,
  scaled,
  spacerHeight,
} from "./position";
import { RenderedRows, type RowSource } from "./renderedrows";
import { bottomOf, intoSight, type Span, spanOf } from "./rowspan";
import { Scheduler } from "./scheduler";
import { ScrollInput, wheelPx } from "./scrollinput";
import { Spacer } from "./spacer";

/** Rows beyond each edge. */
const BEYOND = 10;
/** "At the end" within so many pixels: fractional scaling never lands exactly. */
const END_PX = 2;

export class VirtualList {
  readonly following = signal(true);
  readonly rendered: RenderedRows;
  readonly viewport = document.createElement("div");
  wrap = false;
  theme: Theme;
  /** The reader paused, or follows the end again. */
  readonly followed = new Emitter<[following: boolean]>();
  /** All rows are in the DOM, and the browser has not painted them yet. */
  readonly afterRender = new Emitter();
  /** Pixels at the viewport's top that something covers. */
  cover = 0;

  readonly #scroller: HTMLElement;
  readonly #source: RowSource;
  readonly #spacer: Spacer;
  readonly #input: ScrollInput;
  readonly #scheduler = new Scheduler(() => this.#draw());
  readonly #gauge = new Gauge();
  #top: Place = { row: 0, px: 0 };
  /** What was put in view last, until something else moves it: another height must not hide it. */
  #shown: { readonly row: number; readonly part: number; readonly at: number } | null = null;
  /** Height of a row of one line. */
  #rowPx = 1;
  #viewportPx = 0;
  #mean = 1;
  #left = 0;
  /** Key of the row whose first hit is to be put in view, as soon as it is rendered. */
  #hitKey: string | null = null;
  /** The thumb is being dragged: what lies beyond the edges is gone before it could be seen. */
  #dragging = false;

  constructor(scroller: HTMLElement, source: RowSource, theme: Theme, closed: AbortSignal) {
    this.#scroller = scroller;
    this.#source = source;
    this.theme = theme;
    this.#spacer = new Spacer(scroller);
    this.#input = new ScrollInput(scroller);
    this.#input.ended.on(() => this.#scrollEnded());
    this.viewport.className = "viewport";
    this.rendered = new RenderedRows(source);
    this.viewport.append(this.#gauge.element, this.rendered.element);
    this.#spacer.element.append(this.viewport);
    scroller.prepend(this.#spacer.element);
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    scroller.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    // The font may grow by itself: a smallest one, text that is zoomed alone, or ours, when it comes.
    const observer = new ResizeObserver(() => this.#measure());
    observer.observe(scroller);
    observer.observe(this.#gauge.element);
    document.fonts.addEventListener("loadingdone", () => this.#measure(), { signal: closed });
    this.#measure();
  }

  get rows(): HTMLElement {
    return this.rendered.element;
  }

  /** The first row that can be seen. */
  get top(): Place {
    return this.#top;
  }

  /** Rows that fit. */
  get rowsPerPage(): number {
    return Math.max(1, Math.floor(this.#viewportPx / this.#rowPx));
  }

  get #frame(): Frame {
    return {
      rows: this.#source.count,
      rowPx: this.#rowPx,
      viewportPx: this.#viewportPx,
      mean: this.wrap ? this.#mean : 1,
      wrap: this.wrap,
    };
  }

  /** Something has changed. */
  schedule(): void {
    this.#scheduler.schedule();
  }

  /** Draw everything anew, e.g. in another theme or wrapped; the first row stays. */
  redraw(): void {
    this.#shown = null;
    this.rows.classList.toggle("wrapped", this.wrap);
    this.#mean = 1;
    this.#left = 0;
    this.#spacer.narrow();
    this.#top = { row: this.#top.row, px: 0 };
    this.#draw();
    this.#writeBar();
  }

  /** Go to a row, at a part of the viewport's height from its top. */
  toRow(row: number, part = 0): void {
    this.#follow(false);
    this.#hitKey = null;
    this.#shown = null;
    this.#top = { row: Math.max(0, row), px: 0 };
    this.#draw();
    // Near the end it was drawn further down, as nothing is empty below the last row.
    this.#top = { row: Math.max(0, row), px: 0 };
    this.#moveBy(-Math.round((this.#viewportPx * part) / this.#rowPx) * this.#rowPx);
    this.#draw();
    this.#writeBar();
    this.#shown = { row, part, at: this.#spanOf(row)?.top ?? 0 };
  }

  /** Go to a row, and to the hit of a search in it: it may be far to the right, or many lines below when wrapped. */
  toHit(row: number): void {
    this.toRow(row, 1 / 3);
    this.#hitKey = this.#source.key(row);
    this.#showHit();
    this.#writeBar();
  }

  /** The row that stays where it is while others come or go: what was put in view last, else the first one. */
  get held(): number {
    return (this.#shown ?? this.#top).row;
  }

  /** What stood in a row, the first one or the held one, stands in another: rows came or went above. */
  shift(row: number, from: number): void {
    if (row === from) return;
    const shown = this.#shown;
    if (shown?.row === from) {
      const hitKey = this.#hitKey;
      this.toRow(row, shown.part);
      this.#hitKey = hitKey;
      return;
    }
    this.#shown = null;
    this.#top = { row, px: this.#top.px };
    if (!scaled(this.#frame)) {
      this.#fit();
      this.#writeBar();
    }
  }

  /** Whether a row is whole on the screen. */
  sees(row: number): boolean {
    const span = this.#spanOf(row);
    return span !== null && span.top >= this.cover && span.bottom <= this.#viewportPx;
  }

  /** Move the view just so far that a row is whole on the screen. */
  reveal(row: number): void {
    const span = this.#spanOf(row);
    if (span === null) this.toRow(row, 1 / 3);
    const by = span ? intoSight(span, this.cover, this.#viewportPx) : 0;
    if (by === 0) return;
    if (by < 0) this.#follow(false);
    this.#moveBy(by);
    this.#draw();
    this.#writeBar();
  }

  #spanOf(row: number): Span | null {
    return spanOf(this.rendered, row, this.#top, this.#frame);
  }

  toEnd(): void {
    this.#follow(true);
    this.#draw();
  }

  pause(): void {
    this.#follow(false);
  }

  /** By the keyboard: so many rows, or pages. */
  moveRows(rows: number): void {
    if (rows < 0) this.#follow(false);
    this.#moveBy(rows * this.#rowPx);
    this.#draw();
    if (rows > 0 && this.#atEnd) this.#follow(true);
    this.#writeBar();
  }

  #follow(wanted: boolean): void {
    if (wanted) this.#shown = null;
    if (this.following.peek() === wanted) return;
    this.following.value = wanted;
    this.followed.emit(wanted);
  }

  #measure(): void {
    const height = this.#gauge.rowPx;
    if (height > 0 && height !== this.#rowPx) {
      this.#top = { row: this.#top.row, px: (this.#top.px * height) / this.#rowPx };
      this.#rowPx = height;
      this.viewport.style.setProperty("--row", `${height}px`);
    }
    this.#viewportPx = this.#scroller.clientHeight;
    this.#spacer.narrow();
    this.viewport.style.height = `${this.#viewportPx}px`;
    this.viewport.style.width = `${this.#scroller.clientWidth}px`;
    const shown = this.#shown;
    this.#draw();
    // While the spacer was narrow, the browser went back to the left edge.
    this.#scroller.scrollLeft = this.#left;
    if (this.following.peek()) return;
    if (shown) this.toRow(shown.row, shown.part);
    else this.#writeBar();
  }

  #scrolled(): void {
    const { scrollTop, scrollLeft } = this.#scroller;
    if (scrollLeft !== this.#left) {
      this.#hitKey = null;
      this.#left = scrollLeft;
      this.#place();
    }
    const frame = this.#frame;
    const { kind, step } = this.#spacer.moved(this.#input.active, this.#end);
    if (kind === "own" || step === 0) return;
    this.#hitKey = null;
    this.#shown = null;
    this.#input.scrolled();
    if (step < 0) this.#follow(false);
    this.#dragging = Math.abs(step) > this.#viewportPx && (kind === "thumb" || !scaled(frame));
    if (scaled(frame) && kind === "text") this.#moveBy(step);
    else if (scaled(frame) && kind === "end") this.#follow(true);
    else this.#top = place(frame, scrollTop, this.#spacer.height);
    this.#draw();
    if (step > 0 && this.#atEnd) this.#follow(true);
  }

  /** At the bar's ends the text may go on. */
  #wheel(event: WheelEvent): void {
    if (event.ctrlKey || event.deltaY === 0) return;
    this.#input.begin();
    this.#input.scrolled();
    if (!scaled(this.#frame)) return;
    const { bar } = this.#spacer;
    const up = event.deltaY < 0 && bar <= 0 && (this.#top.row > 0 || this.#top.px > 0);
    const down = event.deltaY > 0 && bar >= this.#end - 1 && !this.#atEnd;
    if (!up && !down) return;
    event.preventDefault();
    if (up) this.#follow(false);
    this.#moveBy(wheelPx(event, this.#rowPx, this.#viewportPx));
    this.#draw();
    this.#writeBar();
  }

  #scrollEnded(): void {
    if (this.#dragging) this.schedule();
    this.#dragging = false;
    if (!this.following.peek() && scaled(this.#frame)) this.#writeBar();
  }

  #moveBy(by: number): void {
    this.#shown = null;
    if (!this.wrap) {
      this.#top = moved(this.#frame, this.#top, by);
      return;
    }
    this.#top = movedWrapped(this.#top, by, this.#source.count - 1, (row) => this.#heightOf(row));
  }

  #heightOf(row: number): number {
    if (!this.rendered.at(row))
      this.rendered.show(row - BEYOND, row + this.rowsPerPage + BEYOND, this.theme);
    return this.rendered.at(row)?.offsetHeight || this.#rowPx;
  }

  get #bottom(): number {
    return bottomOf(this.rendered, this.#top, this.#frame);
  }

  get #atEnd(): boolean {
    return this.#source.count === 0 || this.#bottom <= this.#viewportPx + END_PX;
  }

  #draw(): void {
    const { count } = this.#source;
    const rows = Math.ceil(this.#viewportPx / this.#rowPx) + 1;
    if (this.following.peek()) this.#drawEnd(count, rows);
    else {
      if (this.#top.row >= count) this.#top = { row: Math.max(0, count - 1), px: 0 };
      const beyond = this.#dragging ? 0 : BEYOND;
      const show = () =>
        this.rendered.show(this.#top.row - beyond, this.#top.row + rows + beyond, this.theme);
      show();
      if (this.#holdShown()) show();
      // The text must not end above the lower edge while there is more above.
      const short = this.wrap && this.#top.row > 0 && this.#bottom < this.#viewportPx;
      if (short) this.#drawEnd(count, rows);
    }
    this.#fit();
    if (this.following.peek()) this.#spacer.write(this.#end);
    this.#place();
    this.#showHit();
    this.afterRender.emit();
    const last = Math.min(count - 1, this.#top.row + rows);
    if (last >= this.#top.row) this.#source.seen(this.#top.row, last);
  }

  /** Rows above what was put in view last may have got their text, and be higher now. True if that moved the view. */
  #holdShown(): boolean {
    const shown = this.#shown;
    const by = shown && this.wrap ? (this.#spanOf(shown.row)?.top ?? shown.at) - shown.at : 0;
    if (Math.abs(by) < 1) return false;
    this.#moveBy(by);
    this.#shown = shown;
    return true;
  }

  /** Move the wanted hit into view, as soon as its row is in the DOM. */
  #showHit(): void {
    const row = this.rendered.rowOf(this.#hitKey);
    const mark = row && firstHit(row);
    if (!row || !mark) return;
    this.#hitKey = null;
    const viewport = this.viewport.getBoundingClientRect();
    if (this.wrap) {
      if (mark.top >= viewport.top + this.cover && mark.bottom <= viewport.bottom) return;
      this.#moveBy(mark.top - viewport.top - this.#viewportPx / 3);
      this.#draw();
      return;
    }
    const left = leftFor(mark, row, viewport, this.#left);
    if (left === this.#left) return;
    this.#scroller.scrollLeft = left;
    this.#left = this.#scroller.scrollLeft;
    this.#place();
  }

  #drawEnd(count: number, rows: number): void {
    this.rendered.show(count - rows - BEYOND, count, this.theme);
    this.#top = this.wrap
      ? endWrapped(count, this.rendered.from, this.#viewportPx, (row) => this.#heightOf(row))
      : end(this.#frame);
  }

  /** The spacer's height and width. */
  #fit(): void {
    if (this.wrap && this.rendered.length > 0) {
      const mean = this.rows.offsetHeight / this.rendered.length / this.#rowPx;
      this.#mean = Math.max(1, this.#mean * 0.9 + mean * 0.1);
    }
    const overflows = this.#top.row > 0 || this.#top.px > 0;
    const height = Math.round(spacerHeight(this.#frame, overflows));
    this.#spacer.fit(height, this.wrap ? 0 : this.rows.offsetWidth);
  }

  #place(): void {
    const { row, px } = this.#top;
    const above = this.wrap
      ? (this.rendered.at(row)?.offsetTop ?? 0)
      : (row - this.rendered.from) * this.#rowPx;
    const y = -(above + px);
    this.rows.style.transform = `translate(${-this.#left}px, ${y}px)`;
    this.rows.style.setProperty("--left", `${this.#left}px`);
  }

  #writeBar(): void {
    this.#spacer.write(bar(this.#frame, this.#top, this.#spacer.height));
  }

  /** Where the bar stands at the end. */
  get #end(): number {
    return this.#spacer.height - this.#viewportPx;
  }
}

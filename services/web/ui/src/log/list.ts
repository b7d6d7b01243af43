// The rows in the DOM: those on the screen and a few around them, in a port that
// stays where it is while the runway scrolls. Draws at most once a frame; follows
// the end; never moves the text while the reader looks at it.

import { signal } from "@preact/signals";
import { Emitter } from "../emitter";
import type { Theme } from "../palette";
import { DrawnRows, type Rowed } from "./drawn";
import { bar, type Frame, moved, type Place, place, runway, scaled } from "./position";
import { Runway } from "./runway";

/** Rows beyond each edge. */
const BEYOND = 10;
/** "At the end" within so many pixels: fractional scaling never lands exactly. */
const END_PX = 2;
/** After a drawing that took this long the page rests, so that it stays usable. */
const LONG_DRAWING_MS = 12;
const REST_MS = 100;
const SCROLLEND_MS = 150;

/** What there is to draw. */
export interface Source extends Rowed {
  /** Rows on the screen, told after each drawing. */
  seen(first: number, last: number): void;
}

export class List {
  readonly following = signal(true);
  readonly drawn: DrawnRows;
  readonly port = document.createElement("div");
  wrap = false;
  theme: Theme;
  /** The reader paused, or follows the end again. */
  readonly followed = new Emitter<[following: boolean]>();
  /** All rows are in the DOM, and the browser has not painted them yet. */
  readonly rendered = new Emitter();
  /** Pixels at the port's top that something covers. */
  cover = 0;

  readonly #scroller: HTMLElement;
  readonly #source: Source;
  readonly #runway: Runway;
  readonly #gauge = document.createElement("div");
  #top: Place = { row: 0, px: 0 };
  /** What was put in view last, until something else moves it: another height must not hide it. */
  #shown: { readonly row: number; readonly part: number } | null = null;
  /** Height of a row of one line. */
  #rowPx = 1;
  #portPx = 0;
  #mean = 1;
  #left = 0;
  /** The row whose first hit is to be put in view, as soon as it is drawn. */
  #sought: string | null = null;
  /** A wheel or a finger moves the view. */
  #input = false;
  #scheduled = false;
  #drawingMs = 0;
  /** The thumb is being dragged: what lies beyond the edges is gone before it could be seen. */
  #flying = false;
  #ending: ReturnType<typeof setTimeout> | undefined;

  constructor(scroller: HTMLElement, source: Source, theme: Theme) {
    this.#scroller = scroller;
    this.#source = source;
    this.theme = theme;
    this.#runway = new Runway(scroller);
    this.port.className = "port";
    this.drawn = new DrawnRows(source);
    this.#gauge.className = "gauge";
    this.#gauge.setAttribute("aria-hidden", "true");
    this.#gauge.append("0");
    this.port.append(this.#gauge, this.drawn.element);
    this.#runway.element.append(this.port);
    scroller.prepend(this.#runway.element);
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    scroller.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    scroller.addEventListener("touchstart", () => this.#begin(), { passive: true });
    scroller.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse") this.#input = false;
    });
    scroller.addEventListener("scrollend", () => this.#scrollEnded());
    // The font may grow by itself: a smallest one, or text that is zoomed alone.
    const observer = new ResizeObserver(() => this.#measure());
    observer.observe(scroller);
    observer.observe(this.#gauge);
    this.#measure();
  }

  get rows(): HTMLElement {
    return this.drawn.element;
  }

  /** The first row that can be seen. */
  get top(): Place {
    return this.#top;
  }

  /** Rows that fit. */
  get perPort(): number {
    return Math.max(1, Math.floor(this.#portPx / this.#rowPx));
  }

  get #frame(): Frame {
    return {
      rows: this.#source.count,
      rowPx: this.#rowPx,
      portPx: this.#portPx,
      mean: this.wrap ? this.#mean : 1,
      wrap: this.wrap,
    };
  }

  /** Something to draw has changed. */
  schedule(): void {
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

  /** Draw everything anew, e.g. in another theme or wrapped; the first row stays. */
  redraw(): void {
    this.rows.classList.toggle("wrapped", this.wrap);
    this.#mean = 1;
    this.#left = 0;
    this.#runway.narrow();
    this.#top = { row: this.#top.row, px: 0 };
    this.#draw();
    this.#writeBar();
  }

  /** Go to a row, at a part of the port's height from its top. */
  toRow(row: number, part = 0): void {
    this.#follow(false);
    this.#sought = null;
    this.#top = { row: Math.max(0, row), px: 0 };
    this.#draw();
    if (part > 0) this.#moveBy(-Math.round((this.#portPx * part) / this.#rowPx) * this.#rowPx);
    this.#draw();
    this.#writeBar();
    this.#shown = { row, part };
  }

  /** Go to a row, and to the hit of a search in it: it may be far to the right, or many lines below when wrapped. */
  toHit(row: number): void {
    this.toRow(row, 1 / 3);
    this.#sought = this.#source.key(row);
    this.#seek();
    this.#writeBar();
  }

  /** The first row is another one now: rows came or went above. */
  shift(row: number): void {
    if (row === this.#top.row) return;
    this.#shown = null;
    this.#top = { row, px: this.#top.px };
    if (!scaled(this.#frame)) {
      this.#fit();
      this.#writeBar();
    }
  }

  /** The rows that are whole on the screen, first and last. */
  get sight(): { readonly first: number; readonly last: number } {
    const { row } = this.#top;
    const end = Math.min(this.#source.count - 1, row + this.perPort);
    let [first, last] = [row, Math.max(row, end)];
    while (first < last && !this.sees(first)) first += 1;
    while (last > first && !this.sees(last)) last -= 1;
    return { first, last };
  }

  /** Whether a row is whole on the screen. */
  sees(row: number): boolean {
    const span = this.#span(row);
    return span !== null && span.top >= this.cover && span.bottom <= this.#portPx;
  }

  /** Move the view just so far that a row is whole on the screen. */
  reveal(row: number): void {
    const span = this.#span(row);
    if (span === null) {
      this.toRow(row, 1 / 3);
      return;
    }
    const below = Math.min(span.bottom - this.#portPx, span.top - this.cover);
    const by = span.top < this.cover ? span.top - this.cover : Math.max(0, below);
    if (by === 0) return;
    if (by < 0) this.#follow(false);
    this.#moveBy(by);
    this.#draw();
    this.#writeBar();
  }

  /** Where a row of those in the DOM is, in pixels from the port's top. */
  #span(row: number): { readonly top: number; readonly bottom: number } | null {
    const element = this.drawn.at(row);
    const first = this.drawn.at(this.#top.row);
    if (!element || !first) return null;
    const { px } = this.#top;
    if (!this.wrap) {
      const top = (row - this.#top.row) * this.#rowPx - px;
      return { top, bottom: top + this.#rowPx };
    }
    const top = element.offsetTop - first.offsetTop - px;
    return { top, bottom: top + element.offsetHeight };
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

  #fill(from: number, to: number): void {
    this.drawn.show(from, to, this.theme);
  }

  #follow(wanted: boolean): void {
    if (this.following.peek() === wanted) return;
    this.following.value = wanted;
    this.followed.emit(wanted);
  }

  #measure(): void {
    // A little less than what a whole number may come out as.
    const height = Math.ceil(this.#gauge.getBoundingClientRect().height - 0.05);
    if (height > 0 && height !== this.#rowPx) {
      this.#top = { row: this.#top.row, px: (this.#top.px * height) / this.#rowPx };
      this.#rowPx = height;
      this.port.style.setProperty("--row", `${height}px`);
    }
    this.#portPx = this.#scroller.clientHeight;
    this.#runway.narrow();
    this.port.style.height = `${this.#portPx}px`;
    this.port.style.width = `${this.#scroller.clientWidth}px`;
    const shown = this.#shown;
    this.#draw();
    if (this.following.peek()) return;
    if (shown) this.toRow(shown.row, shown.part);
    else this.#writeBar();
  }

  #begin(): void {
    this.#input = true;
  }

  #scrolled(): void {
    const { scrollTop, scrollLeft } = this.#scroller;
    if (scrollLeft !== this.#left) {
      this.#sought = null;
      this.#left = scrollLeft;
      this.#place();
    }
    const frame = this.#frame;
    const { kind, step } = this.#runway.moved(this.#input, this.#end);
    if (kind === "own" || step === 0) return;
    this.#sought = null;
    this.#shown = null;
    this.#endSoon();
    if (step < 0) this.#follow(false);
    this.#flying = Math.abs(step) > this.#portPx && (kind === "thumb" || !scaled(frame));
    if (!scaled(frame)) this.#top = place(frame, scrollTop, this.#runway.height);
    else if (kind === "text") this.#moveBy(step);
    else if (kind === "end") this.#follow(true);
    else this.#top = place(frame, scrollTop, this.#runway.height);
    this.#draw();
    if (step > 0 && this.#atEnd) this.#follow(true);
  }

  /** At the bar's ends the text may go on. */
  #wheel(event: WheelEvent): void {
    if (event.ctrlKey || event.deltaY === 0) return;
    this.#begin();
    this.#endSoon();
    if (!scaled(this.#frame)) return;
    const unit = event.deltaMode === 1 ? this.#rowPx : event.deltaMode === 2 ? this.#portPx : 1;
    const { bar } = this.#runway;
    const up = event.deltaY < 0 && bar <= 0 && (this.#top.row > 0 || this.#top.px > 0);
    const down = event.deltaY > 0 && bar >= this.#end - 1 && !this.#atEnd;
    if (!up && !down) return;
    event.preventDefault();
    if (up) this.#follow(false);
    this.#moveBy(event.deltaY * unit);
    this.#draw();
    this.#writeBar();
  }

  // Where there is no `scrollend` a timer stands in; with it, it does no harm.
  #endSoon(): void {
    clearTimeout(this.#ending);
    this.#ending = setTimeout(() => this.#scrollEnded(), SCROLLEND_MS);
  }

  #scrollEnded(): void {
    clearTimeout(this.#ending);
    this.#input = false;
    if (this.#flying) this.schedule();
    this.#flying = false;
    if (!this.following.peek() && scaled(this.#frame)) this.#writeBar();
  }

  #moveBy(by: number): void {
    this.#shown = null;
    if (!this.wrap) {
      this.#top = moved(this.#frame, this.#top, by);
      return;
    }
    let { row, px } = this.#top;
    const last = this.#source.count - 1;
    px += by;
    while (px < 0 && row > 0) {
      row -= 1;
      px += this.#heightOf(row);
    }
    while (row < last && px >= this.#heightOf(row)) {
      px -= this.#heightOf(row);
      row += 1;
    }
    this.#top = { row, px: Math.max(0, px) };
  }

  #heightOf(row: number): number {
    if (!this.drawn.at(row)) this.#fill(row - BEYOND, row + this.perPort + BEYOND);
    return this.drawn.at(row)?.offsetHeight || this.#rowPx;
  }

  get #atEnd(): boolean {
    const last = this.drawn.last;
    if (!last || last.row !== this.#source.count - 1) return this.#source.count === 0;
    if (!this.wrap) {
      const bottom = (last.row + 1 - this.#top.row) * this.#rowPx - this.#top.px;
      return bottom <= this.#portPx + END_PX;
    }
    const box = last.element.getBoundingClientRect();
    return box.bottom <= this.port.getBoundingClientRect().bottom + END_PX;
  }

  #draw(): void {
    const { count } = this.#source;
    const rows = Math.ceil(this.#portPx / this.#rowPx) + 1;
    if (this.following.peek()) this.#drawEnd(count, rows);
    else {
      if (this.#top.row >= count) this.#top = { row: Math.max(0, count - 1), px: 0 };
      const beyond = this.#flying ? 0 : BEYOND;
      this.#fill(this.#top.row - beyond, this.#top.row + rows + beyond);
      if (this.wrap && this.#short) this.#drawEnd(count, rows);
    }
    this.#fit();
    if (this.following.peek()) this.#runway.write(this.#end);
    this.#place();
    this.#seek();
    this.rendered.emit();
    const last = Math.min(count - 1, this.#top.row + rows);
    if (last >= this.#top.row) this.#source.seen(this.#top.row, last);
  }

  /** Move the hit that is sought into view, once its row is drawn with it. */
  #seek(): void {
    const row = this.drawn.rowOf(this.#sought);
    const mark = row && firstHit(row);
    if (!row || !mark) return;
    this.#sought = null;
    const port = this.port.getBoundingClientRect();
    if (this.wrap) {
      const inside = mark.top >= port.top + this.cover && mark.bottom <= port.bottom;
      if (inside) return;
      this.#moveBy(mark.top - port.top - this.#portPx / 3);
      this.#draw();
      return;
    }
    // As far to the left as can be: the beginning of a line says most about it.
    const begin = row.querySelector(".text")?.getBoundingClientRect().left ?? mark.left;
    const seen = port.width - (begin + this.#left - port.left);
    const [from, to] = [mark.left - begin, mark.right - begin];
    if (from >= this.#left && to <= this.#left + seen && (this.#left === 0 || to > seen)) return;
    this.#left = to <= seen ? 0 : Math.max(0, Math.round(from - seen / 3));
    this.#scroller.scrollLeft = this.#left;
    this.#left = this.#scroller.scrollLeft;
    this.#place();
  }

  /** The text ends above the port's lower edge although there is more above. */
  get #short(): boolean {
    const last = this.drawn.last;
    if (!last || last.row !== this.#source.count - 1) return false;
    const first = this.drawn.at(this.#top.row)?.offsetTop ?? 0;
    const bottom = last.element.offsetTop + last.element.offsetHeight;
    return bottom - first - this.#top.px < this.#portPx && this.#top.row > 0;
  }

  #drawEnd(count: number, rows: number): void {
    this.#fill(count - rows - BEYOND, count);
    if (!this.wrap) {
      const top = Math.max(0, count * this.#rowPx - this.#portPx);
      const row = Math.floor(top / this.#rowPx);
      this.#top = { row, px: top - row * this.#rowPx };
      return;
    }
    let over = -this.#portPx;
    let row = count;
    while (row > this.drawn.from && over < 0) {
      row -= 1;
      over += this.#heightOf(row);
    }
    this.#top = { row: Math.max(0, row), px: Math.max(0, over) };
  }

  /** The runway's height and width. */
  #fit(): void {
    if (this.wrap && this.drawn.length > 0) {
      const mean = this.rows.offsetHeight / this.drawn.length / this.#rowPx;
      this.#mean = Math.max(1, this.#mean * 0.9 + mean * 0.1);
    }
    const frame = this.#frame;
    const overflows = this.#top.row > 0 || this.#top.px > 0;
    this.#runway.fit(Math.round(runway(frame, overflows)), this.wrap ? 0 : this.rows.offsetWidth);
  }

  #place(): void {
    const { row, px } = this.#top;
    const above = this.wrap
      ? (this.drawn.at(row)?.offsetTop ?? 0)
      : (row - this.drawn.from) * this.#rowPx;
    const y = -(above + px);
    this.rows.style.transform = `translate(${-this.#left}px, ${y}px)`;
    this.rows.style.setProperty("--left", `${this.#left}px`);
  }

  #writeBar(): void {
    this.#runway.write(bar(this.#frame, this.#top, this.#runway.height));
  }

  /** Where the bar stands at the end. */
  get #end(): number {
    return this.#runway.height - this.#portPx;
  }
}

/** Where the first hit in a row is; in several colours it is several marks, side by side. */
function firstHit(row: HTMLElement): DOMRect | null {
  const [first, ...others] = [...row.querySelectorAll("mark")].map((one) =>
    one.getBoundingClientRect(),
  );
  if (!first) return null;
  let { right } = first;
  for (const one of others) {
    if (one.top !== first.top || Math.abs(one.left - right) > 1) break;
    right = one.right;
  }
  return new DOMRect(first.left, first.top, right - first.left, first.height);
}

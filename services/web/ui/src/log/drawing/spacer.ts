// The element that gives the scroll bar its length, and where the bar stands. It knows which
// scroll events the reader caused, and which it caused itself.

import { type Move, meaning } from "./position";

export class Spacer {
  readonly element = document.createElement("div");
  readonly #scroller: HTMLElement;
  #height = 0;
  #width = 0;
  /** Where the bar stood at the last event, and what we wrote (NaN: nothing). */
  #bar = 0;
  #expected = Number.NaN;

  constructor(scroller: HTMLElement) {
    this.#scroller = scroller;
    this.element.className = "spacer";
  }

  get height(): number {
    return this.#height;
  }

  /** Where the bar stands, in pixels. */
  get bar(): number {
    return this.#bar;
  }

  /** What was as wide as the viewport must not be wider than a narrower one. */
  narrow(): void {
    this.#width = 0;
    this.element.style.width = "";
  }

  /** As high as wanted, and at least as wide. */
  fit(height: number, width: number): void {
    if (height !== this.#height) {
      const shorter = height < this.#height;
      this.#height = height;
      this.element.style.height = `${height}px`;
      // The browser moves a bar that would stand behind the end: no reader does.
      if (shorter) this.write(Math.min(this.#bar, height - this.#scroller.clientHeight));
    }
    if (width > this.#width) {
      this.#width = width;
      this.element.style.width = `${width}px`;
    }
  }

  /** What a scroll event means, and by how many pixels the bar moved. `input`: by a wheel or a finger. */
  moved(input: boolean, max: number): { readonly kind: Move; readonly step: number } {
    const { scrollTop } = this.#scroller;
    const step = scrollTop - this.#bar;
    const kind = meaning(scrollTop, this.#bar, this.#expected, input, max);
    this.#bar = scrollTop;
    this.#expected = Number.NaN;
    return { kind, step };
  }

  /** Put the bar where it belongs. */
  write(top: number): void {
    const target = Math.max(0, top);
    if (Math.abs(target - this.#bar) < 1) return;
    this.#scroller.scrollTop = target;
    const now = this.#scroller.scrollTop;
    this.#expected = now === this.#bar ? Number.NaN : now;
    this.#bar = now;
  }
}

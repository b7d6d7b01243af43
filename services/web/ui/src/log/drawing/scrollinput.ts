// Whether a wheel or a finger moves the view, and when scrolling ends.

import { Emitter } from "../../emitter";

const SCROLLEND_MS = 150;

export class ScrollInput {
  /** Scrolling has ended. */
  readonly ended = new Emitter();
  #active = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(scroller: HTMLElement) {
    scroller.addEventListener("touchstart", () => this.begin(), { passive: true });
    scroller.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse") this.#active = false;
    });
    scroller.addEventListener("scrollend", () => this.#end());
  }

  /** A wheel or a finger moves the view, not the scroll bar's thumb or a key. */
  get active(): boolean {
    return this.#active;
  }

  begin(): void {
    this.#active = true;
  }

  /** It has scrolled. Where there is no `scrollend` a timer stands in; with it, it does no harm. */
  scrolled(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), SCROLLEND_MS);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#active = false;
    this.ended.emit();
  }
}

/** By how many pixels a wheel wants to scroll. */
export function wheelPx({ deltaMode, deltaY }: WheelEvent, rowPx: number, pagePx: number): number {
  if (deltaMode === WheelEvent.DOM_DELTA_LINE) return deltaY * rowPx;
  return deltaMode === WheelEvent.DOM_DELTA_PAGE ? deltaY * pagePx : deltaY;
}

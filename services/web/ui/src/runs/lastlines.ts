// What the running runs in view wrote last: asked for once a second at most, while somebody can see it.

import { signal } from "@preact/signals";
import { lastLines, type RunLine } from "../api";

/** A little less than the page's own second, which is not exact. */
const EVERY_MS = 900;
/** A server that fails is asked less and less often, down to this. */
const SLOWEST_MS = 30_000;
/** The server answers about so many at once, and reads no longer address. */
const MOST = 50;
const MOST_CHARS = 3_500;
/** More than these are not remembered. */
const MOST_KEPT = 500;

export class LastLines {
  /** By run. What is known stays when an answer fails. */
  readonly lines = signal<ReadonlyMap<string, RunLine>>(new Map());
  #asking = false;
  #notBefore = 0;
  #pause = EVERY_MS;

  /** Ask, if it is time to: called once a second, and when others come into view. */
  async look(): Promise<void> {
    if (this.#asking || document.visibilityState !== "visible" || Date.now() < this.#notBefore)
      return;
    const ids = bounded(runningInView());
    if (ids.length === 0) return;
    this.#asking = true;
    try {
      const { lines } = await lastLines(ids);
      const known = this.lines.peek();
      const kept = known.size > MOST_KEPT ? [] : known;
      this.lines.value = new Map([...kept, ...lines.map((one) => [one.id, one] as const)]);
      this.#pause = EVERY_MS;
    } catch {
      // The list itself says what is wrong.
      this.#pause = Math.min(SLOWEST_MS, 2 * this.#pause);
    }
    this.#notBefore = Date.now() + this.#pause;
    this.#asking = false;
  }
}

/** As many as one request may ask for. Pure. */
export function bounded(ids: readonly string[]): readonly string[] {
  let chars = 0;
  return ids.slice(0, MOST).filter((id) => {
    chars += "&id=".length + encodeURIComponent(id).length;
    return chars <= MOST_CHARS;
  });
}

/** The runs of the rows on the screen that are running. */
function runningInView(): string[] {
  const rows = document.querySelectorAll<HTMLElement>(".runs tr.running");
  return [...rows].flatMap((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return bottom > 0 && top < innerHeight ? [row.dataset["run"] ?? ""] : [];
  });
}

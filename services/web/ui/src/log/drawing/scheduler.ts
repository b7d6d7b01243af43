// Draws at most once a frame, and less often where drawing takes long, so that the page stays usable.

const LONG_DRAWING_MS = 12;
/** Pause after a drawing that took long. */
const PAUSE_MS = 100;

export class Scheduler {
  readonly #draw: () => void;
  #scheduled = false;
  #tookMs = 0;

  constructor(draw: () => void) {
    this.#draw = draw;
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const begin = () =>
      requestAnimationFrame(() => {
        this.#scheduled = false;
        const before = performance.now();
        this.#draw();
        this.#tookMs = performance.now() - before;
      });
    if (this.#tookMs > LONG_DRAWING_MS) setTimeout(begin, PAUSE_MS);
    else begin();
  }
}

// Runs for the filter box by the beginnings of their ids, of which the list may have loaded none.

import { signal } from "@preact/signals";
import { Problem, runs } from "../api";
import { idQuery } from "../matching";

/** Asked after a pause in the typing. */
const PAUSE_MS = 150;
const FOUND = 8;

export class IdSearch {
  /** What begins with the last text that was asked for. */
  readonly ids = signal<readonly string[]>([]);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = "";

  /** Another text was written. */
  written(text: string): void {
    clearTimeout(this.#timer);
    const id = idQuery(text);
    this.#last = text;
    if (id === null) return;
    this.#timer = setTimeout(() => void this.#ask(text, id), PAUSE_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #ask(text: string, id: string): Promise<void> {
    try {
      const found = await runs(new URLSearchParams({ id, limit: String(FOUND) }));
      if (text === this.#last) this.ids.value = found.runs.map((run) => run.id);
    } catch (error) {
      // What the page knows is offered all the same, and the list says that the server does not answer.
      if (!(error instanceof Problem)) throw error;
    }
  }
}

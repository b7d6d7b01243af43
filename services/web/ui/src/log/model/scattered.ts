// Fetches lines that lie far apart, such as hits of a search: a few requests at a time, for what is on the screen now.

import type { Emitter } from "../../emitter";
import { BLOCK_LINES, type Load, WANT_DELAY_MS } from "./lineblocks";

const REQUESTS = 4;
const RETRY_MS = 5_000;

export class Scattered {
  readonly #load: Load;
  readonly #isHere: (line: number) => boolean;
  readonly #failed: Emitter<[from: number, error: Error]>;
  #abort = new AbortController();
  #wanted: readonly number[] = [];
  /** Blocks that are being fetched. */
  readonly #asked = new Set<number>();
  /** Lines that did not come: they are stored no more. */
  readonly #gone = new Set<number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    load: Load,
    isHere: (line: number) => boolean,
    failed: Emitter<[from: number, error: Error]>,
  ) {
    this.#load = load;
    this.#isHere = isHere;
    this.#failed = failed;
  }

  clear(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wanted = [];
    this.#asked.clear();
    this.#gone.clear();
  }

  /** Only the newest wish counts. In order. */
  want(lines: readonly number[]): void {
    this.#wanted = lines;
    if (lines.length > 0) this.#soon(WANT_DELAY_MS);
  }

  #soon(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#next();
    }, ms);
  }

  #next(): void {
    const missing = this.#wanted.filter((line) => !this.#isHere(line) && !this.#gone.has(line));
    for (const line of missing) {
      if (this.#asked.size >= REQUESTS) return;
      const block = blockOf(line);
      if (this.#asked.has(block)) continue;
      this.#asked.add(block);
      const beside = missing.filter((one) => blockOf(one) === block);
      void this.#run(block, beside, this.#abort.signal);
    }
  }

  /** Lines of one block. */
  async #run(block: number, lines: readonly number[], abort: AbortSignal): Promise<void> {
    const [first, last] = [lines[0] ?? 1, lines[lines.length - 1] ?? 1];
    let wait = 0;
    try {
      await this.#load(first, last - first + 1, abort);
      for (const line of lines) if (!this.#isHere(line)) this.#gone.add(line);
    } catch (error) {
      if (abort.aborted) return;
      wait = RETRY_MS;
      this.#failed.emit(first, error as Error);
    }
    this.#asked.delete(block);
    if (wait > 0) this.#soon(wait);
    else this.#next();
  }
}

function blockOf(line: number): number {
  return Math.floor((line - 1) / BLOCK_LINES);
}

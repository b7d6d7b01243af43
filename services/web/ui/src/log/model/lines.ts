// The text of a log's lines, in blocks of 500, bounded: what was not looked at for
// longest goes first and is fetched again when it is seen. Holes are normal. Pure
// but for its timer.

import { Emitter } from "../../emitter";
import { BLOCK_LINES, type Load, WANT_DELAY_MS } from "./lineblocks";
import { Scattered } from "./scattered";
import type { Style } from "./style";
import { Styles } from "./styles";

export const BUDGET_BYTES = 64 * 1024 * 1024;
/** Lines of one request. */
export const REQUEST_LINES = 5_000;
const RETRY_MS = 5_000;
/** What a string costs besides its characters. */
const STRING_BYTES = 20;
const LAST_BLOCKS = 4;
const AROUND_SCREEN = 2;

interface Block {
  readonly texts: (string | undefined)[];
  bytes: number;
  used: number;
  /** Line and time of each entry's first line here, sorted. */
  readonly times: [line: number, t: number][];
}

export class Lines {
  readonly #blocks = new Map<number, Block>();
  readonly styles = new Styles(BLOCK_LINES, (k) => this.#blocks.get(k)?.texts);
  readonly #continues = new Set<number>();
  readonly #load: Load;
  readonly #budget: number;
  #bytes = 0;
  #tick = 0;
  #last = 0;
  /** Blocks on the screen and around it. */
  #visible: ReadonlySet<number> = new Set();
  #wanted: readonly [number, number] | null = null;
  /** Asked for to print or copy: fetched when the screen has what it wants, whatever it shows meanwhile. */
  #needed: readonly [number, number] | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #request: { readonly from: number; readonly to: number; readonly abort: AbortController } | null =
    null;
  readonly #pins: ((block: number) => boolean)[] = [];
  /** A request failed; it is tried again while the lines are still wanted. */
  readonly failed = new Emitter<[from: number, error: Error]>();

  readonly #scattered: Scattered;

  constructor(load: Load, budget = BUDGET_BYTES) {
    this.#load = load;
    this.#scattered = new Scattered(load, (line) => this.get(line) !== undefined, this.failed);
    this.#budget = budget;
  }

  /** Blocks that must stay besides those on the screen. */
  pin(isPinned: (block: number) => boolean): void {
    this.#pins.push(isPinned);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get blocks(): number {
    return this.#blocks.size;
  }

  clear(): void {
    this.#request?.abort.abort();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#request = null;
    this.#wanted = null;
    this.#needed = null;
    this.#scattered.clear();
    this.#blocks.clear();
    this.styles.clear();
    this.#continues.clear();
    this.#bytes = 0;
    this.#last = 0;
  }

  /** Lines met twice are the same lines. */
  put(from: number, texts: readonly string[], t: number, continues = false): void {
    let block: Block | undefined;
    let index = -1;
    for (let i = 0; i < texts.length; i += 1) {
      const line = from + i;
      const k = Math.floor((line - 1) / BLOCK_LINES);
      if (k !== index || !block) {
        index = k;
        block = this.#block(k);
        addTime(block.times, line, t);
      }
      const at = (line - 1) % BLOCK_LINES;
      const text = texts[i] ?? "";
      if (block.texts[at] !== undefined) continue;
      block.texts[at] = text;
      block.bytes += text.length + STRING_BYTES;
      this.#bytes += text.length + STRING_BYTES;
      this.styles.came(line);
    }
    this.#last = Math.max(this.#last, from + texts.length - 1);
    if (continues) this.#continues.add(from + texts.length - 1);
    if (this.#bytes > this.#budget) this.#evict();
  }

  get(line: number): string | undefined {
    return this.#blocks.get(Math.floor((line - 1) / BLOCK_LINES))?.texts[(line - 1) % BLOCK_LINES];
  }

  /** Whether a line goes on in the next one. */
  continues(line: number): boolean {
    return this.#continues.has(line);
  }

  /** When a line was written; null while it is not here. */
  time(line: number): number | null {
    const times = this.#blocks.get(Math.floor((line - 1) / BLOCK_LINES))?.times ?? [];
    let [low, high] = [0, times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((times[middle]?.[0] ?? 0) <= line) low = middle + 1;
      else high = middle;
    }
    return times[low - 1]?.[1] ?? null;
  }

  /** The style in force where a line begins; plain where it cannot be known. */
  style(line: number): Style {
    return this.styles.at(line);
  }

  /** What is on the screen: it stays, and what is missing of it is fetched. */
  seen(first: number, last: number): void {
    const from = Math.floor((first - 1) / BLOCK_LINES) - AROUND_SCREEN;
    const to = Math.floor((last - 1) / BLOCK_LINES) + AROUND_SCREEN;
    this.#use(Array.from({ length: to - from + 1 }, (_, i) => from + i));
    this.#scattered.want([]);
  }

  /** The same for lines that lie anywhere: not what is between them. In order. */
  seenApart(lines: readonly number[]): void {
    this.#use(lines.map((line) => Math.floor((line - 1) / BLOCK_LINES)));
    this.#wanted = null;
    this.#scattered.want(lines.filter((line) => this.get(line) === undefined));
  }

  #use(blocks: readonly number[]): void {
    this.#tick += 1;
    this.#visible = new Set(blocks);
    for (const k of this.#visible) {
      const block = this.#blocks.get(k);
      if (block) block.used = this.#tick;
    }
  }

  /** Only the newest request counts, after a moment; a request the reader has left is aborted. */
  want(first: number, last: number): void {
    this.#wanted = [first, last];
    this.#soon(WANT_DELAY_MS);
  }

  /** Lines that are wanted although no screen shows them. */
  need(first: number, last: number): void {
    this.#needed = [first, last];
    this.#soon(WANT_DELAY_MS);
  }

  /** Fetch lines to copy them; those that were cut do not come. */
  async fetch(first: number, last: number): Promise<void> {
    let from = first;
    while (true) {
      const missing = this.#missing(from, last);
      if (missing === null) return;
      const limit = Math.min(REQUEST_LINES, last - missing + 1);
      const next = await this.#load(missing, limit, new AbortController().signal);
      if (next <= missing) return;
      from = next;
    }
  }

  /** The screen wants nothing any more. */
  satisfied(): void {
    this.#wanted = null;
  }

  #soon(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#fetch();
    }, ms);
  }

  #missing(first: number, last: number): number | null {
    for (let line = first; line <= last; line += 1) if (this.get(line) === undefined) return line;
    return null;
  }

  #fetch(): void {
    const onScreen = this.#wanted && this.#missing(...this.#wanted) !== null;
    const wanted = onScreen ? this.#wanted : this.#needed;
    const missing = wanted && this.#missing(...wanted);
    if (!wanted || missing === null) {
      this.#needed = null;
      return;
    }
    const last = wanted[1];
    if (this.#request) {
      if (!onScreen || (missing >= this.#request.from && missing <= this.#request.to)) return;
      this.#request.abort.abort();
    }
    // Whole blocks, and no more than what lies before the next one that is here.
    const start = Math.floor((missing - 1) / BLOCK_LINES) * BLOCK_LINES + 1;
    const from = this.get(start) === undefined ? start : missing;
    const end = Math.ceil(last / BLOCK_LINES) * BLOCK_LINES;
    const limit = Math.min(REQUEST_LINES, Math.max(BLOCK_LINES, end - from + 1));
    // Once each: lines that the quota cut never come.
    if (!onScreen) this.#needed = from + limit > last ? null : [from + limit, last];
    void this.#run(from, limit);
  }

  async #run(from: number, limit: number): Promise<void> {
    const abort = new AbortController();
    const request = { from, to: from + limit - 1, abort };
    this.#request = request;
    let wait = 0;
    try {
      const next = await this.#load(from, limit, abort.signal);
      if (next <= from) wait = RETRY_MS;
    } catch (error) {
      if (abort.signal.aborted) return;
      wait = RETRY_MS;
      this.failed.emit(from, error as Error);
    }
    if (this.#request !== request) return;
    this.#request = null;
    if (this.#wanted || this.#needed) this.#soon(wait);
  }

  #block(k: number): Block {
    let block = this.#blocks.get(k);
    if (!block) {
      block = { texts: [], bytes: 0, used: this.#tick, times: [] };
      this.#blocks.set(k, block);
    }
    return block;
  }

  #evict(): void {
    const newest = Math.floor((this.#last - 1) / BLOCK_LINES);
    const candidates = [...this.#blocks.entries()]
      .filter(
        ([k]) =>
          k <= newest - LAST_BLOCKS &&
          !this.#visible.has(k) &&
          !this.#pins.some((isPinned) => isPinned(k)),
      )
      .sort(([a, one], [b, two]) => one.used - two.used || a - b);
    for (const [k, block] of candidates) {
      if (this.#bytes <= this.#budget * 0.8) break;
      this.styles.leaves(k);
      this.#blocks.delete(k);
      this.#bytes -= block.bytes;
      for (let line = k * BLOCK_LINES + 1; line <= (k + 1) * BLOCK_LINES; line += 1) {
        if (this.#continues.size === 0) break;
        this.#continues.delete(line);
      }
    }
  }
}

function addTime(times: [number, number][], line: number, t: number): void {
  let at = times.length;
  while (at > 0 && (times[at - 1]?.[0] ?? 0) > line) at -= 1;
  if (times[at - 1]?.[0] !== line) times.splice(at, 0, [line, t]);
}

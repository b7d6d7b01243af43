// Looking for text: in the loaded lines at once, in slices, and in the rest by the
// server where it can.

import { signal } from "@preact/signals";
import { plain } from "./ansi";
import {
  type Answer,
  answers,
  BadQuery,
  Findings,
  findWords,
  MOST_HITS,
  matcher,
  type Query,
  type Span,
} from "./finding";
import { BLOCK_LINES } from "./lines";
import { around, within } from "./pieces";
import type { LogScreen } from "./screen";

const SLICE_MS = 8;
const MOST_TRIES = 5;

/** What was looked for is no expression to the server. */
class Refused extends Error {}

export class Find {
  readonly open = signal(false);
  readonly words = signal("");
  readonly bad = signal("");
  /** Why the server did not search. */
  readonly trouble = signal("");
  readonly busy = signal(false);
  /** Lines that were not looked at. */
  readonly left = signal(0);
  query: Query = { text: "", regex: false, caseful: false };
  #findings = new Findings();
  #match: (text: string) => readonly Span[] | null = () => [];
  #current: number | null = null;
  #turn = 0;
  #abort: AbortController | null = null;
  #atOnce = false;
  /** The loaded lines can be searched here. */
  #local = true;
  readonly #screen: LogScreen;
  readonly #run: string;

  constructor(screen: LogScreen, run: string) {
    this.#screen = screen;
    this.#run = run;
    screen.highlightWith((line, text) => {
      if (!this.#active) return [];
      return (this.#local ? this.#spans(line, text) : null) ?? this.#findings.spans(line);
    });
    screen.grown.on((first, last) => {
      if (this.#active && this.#local) this.#look(first, last);
      this.#tell();
    });
  }

  /** Lines with hits, in order. */
  get lines(): readonly number[] {
    return this.#findings.lines;
  }

  get #active(): boolean {
    return this.open.peek() && this.query.text !== "" && this.bad.peek() === "";
  }

  /** Look for something else. */
  start(query: Query): void {
    this.query = query;
    this.#stop();
    this.#findings = new Findings();
    this.#current = null;
    this.#screen.current = 0;
    this.bad.value = "";
    this.trouble.value = "";
    this.#local = true;
    try {
      this.#match = matcher(query);
    } catch (error) {
      if (!(error instanceof BadQuery)) throw error;
      this.#local = false;
      this.#match = () => [];
      // The server has the last word: its expressions take linear time, and it knows others than browsers do.
    }
    if (this.#active && !this.#local) {
      this.#atOnce = true;
      void this.rest();
    } else if (this.#active) {
      this.#atOnce = true;
      this.busy.value = true;
      this.#slice(this.#turn, Math.floor((this.#screen.firstVisible - 1) / BLOCK_LINES));
    }
    this.#tell();
    this.#screen.refresh();
  }

  close(): void {
    this.open.value = false;
    this.#stop();
    this.#screen.current = 0;
    this.#screen.refresh();
  }

  /** Go to the next hit, or the one before. */
  step(forward: boolean): void {
    const from = this.#current ?? this.#screen.firstVisible - (forward ? 1 : -1);
    const line = this.#findings.next(from, forward);
    if (line === null) return;
    this.#current = line;
    this.#screen.goToHit(line);
    this.#tell();
  }

  /** Ask the server for the lines that are not here: first those below, then those above. */
  async rest(): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.busy.value = true;
    this.trouble.value = "";
    const here = Math.max(1, this.#screen.firstVisible);
    try {
      await this.#ask(here, "forward", abort.signal);
      if (here > 1) await this.#ask(here - 1, "backward", abort.signal);
    } catch (error) {
      if (abort.signal.aborted) return;
      const { message } = error as Error;
      // Nothing here understands it either: the server names the place.
      if (error instanceof Refused && !this.#local) this.bad.value = message;
      else this.trouble.value = `The server did not search: ${message}`;
    }
    this.busy.value = false;
    this.#settle();
  }

  /** Ask until the end, or until there are more hits than anybody looks at: each answer says where the next goes on. */
  async #ask(from: number, direction: string, signal: AbortSignal): Promise<void> {
    let next: number | null = from;
    while (next !== null && !signal.aborted && this.#findings.lines.length < MOST_HITS) {
      next = await this.#stretch(next, direction, signal);
    }
  }

  async #stretch(from: number, direction: string, signal: AbortSignal): Promise<number | null> {
    const { text, regex, caseful } = this.query;
    const query = new URLSearchParams({
      q: text,
      regex: String(regex),
      case: String(caseful),
      from: String(from),
      direction,
    });
    const address = `/api/v1/runs/${encodeURIComponent(this.#run)}/log/search?${query}`;
    let response = await fetch(address, { signal });
    for (let again = 0; response.status === 429 && again < MOST_TRIES; again += 1) {
      // What was typed before is still being looked for.
      await pause(Number(response.headers.get("Retry-After")) || 1);
      response = await fetch(address, { signal });
    }
    if (response.status === 400) throw new Refused(await sentence(response));
    if (!response.ok || !response.body) throw new Error(await sentence(response));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const buffer = { rest: "" };
    while (true) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) break;
      for (const answer of answers(buffer, value)) {
        this.#answer(answer);
        if ("done" in answer) return answer.next;
      }
      this.#tell();
    }
    if (!signal.aborted) throw new Error("its answer broke off.");
    return null;
  }

  #answer(answer: Answer): void {
    if ("searched" in answer) this.#findings.searched.add(...answer.searched);
    // What is not stored any more needs no search.
    else if ("missing" in answer) this.#findings.searched.add(...answer.missing);
    else if ("line" in answer) this.#hit(answer.line, answer.spans);
  }

  #hit(line: number, spans?: readonly Span[]): void {
    this.#findings.add(line, spans);
    if (this.#atOnce && line >= this.#screen.firstVisible) {
      // The first hit from here on is shown while the rest is looked at.
      this.#atOnce = false;
      this.#current = line;
      this.#screen.goToHit(line);
    }
  }

  #stop(): void {
    this.#turn += 1;
    this.#abort?.abort();
    this.#abort = null;
    this.busy.value = false;
  }

  /** Look at loaded blocks from one on, round the end, for a few milliseconds at a time. */
  #slice(turn: number, from: number, done = 0): void {
    if (turn !== this.#turn) return;
    const blocks = Math.ceil(this.#screen.total.peek() / BLOCK_LINES);
    const until = performance.now() + SLICE_MS;
    let count = done;
    while (count < blocks && performance.now() < until) {
      const k = (from + count) % blocks;
      this.#look(k * BLOCK_LINES + 1, Math.min((k + 1) * BLOCK_LINES, this.#screen.total.peek()));
      count += 1;
    }
    if (count < blocks) setTimeout(() => this.#slice(turn, from, count), 0);
    else if (this.#findings.searched.total < this.#screen.total.peek()) void this.rest();
    else {
      this.busy.value = false;
      this.#settle();
    }
    this.#tell();
  }

  /** All is looked at: without a hit from here on, the first of all is shown. */
  #settle(): void {
    if (this.#atOnce && this.#findings.lines.length > 0) {
      this.#atOnce = false;
      this.step(true);
    }
    this.#screen.refresh();
    this.#tell();
  }

  /** Where it is in a line, with what stands around it; null if only the server can say. */
  #spans(line: number, stored: string): readonly Span[] | null {
    const text = plain(stored);
    const { before, after } = around(this.#screen.lines, line);
    const found = this.#match(`${before}${text}${after}`);
    return found && (before || after)
      ? within(found, before.length, before.length + text.length)
      : found;
  }

  #look(first: number, last: number): void {
    let from = first;
    for (let line = first; line <= last; line += 1) {
      const text = this.#screen.lines.get(line);
      const spans = text === undefined ? null : this.#spans(line, text);
      if (spans === null) {
        this.#findings.searched.add(from, line - 1);
        from = line + 1;
      } else if (spans.length > 0) this.#hit(line);
    }
    this.#findings.searched.add(from, last);
  }

  #tell(): void {
    const total = this.#screen.total.peek();
    if (!this.#active) {
      this.words.value = "";
      this.left.value = 0;
      return;
    }
    this.left.value = Math.max(0, total - this.#findings.searched.total);
    this.words.value = findWords(this.#findings, this.#current, total, this.busy.peek());
  }
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

async function sentence(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as Record<string, unknown>;
    return String(body["detail"] ?? body["title"] ?? response.status);
  } catch {
    return `it answered ${response.status}`;
  }
}

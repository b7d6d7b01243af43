// Looking for text: in the loaded lines at once, in slices, and in the rest by the
// server where it can.

import { signal } from "@preact/signals";
import { request, searchAddress } from "../../api";
import { plain } from "../model/ansi";
import { contextOf, spansWithin } from "../model/continuation";
import { BLOCK_LINES } from "../model/lines";
import type { LogModel } from "../model/logmodel";
import {
  type Answer,
  answers,
  BadQuery,
  findWords,
  Hits,
  MAX_HITS,
  matcher,
  type Query,
  type Span,
} from "../model/search";

const SLICE_MS = 8;
const MAX_TRIES = 5;

/** What was looked for is no expression to the server. */
class Refused extends Error {}

export class Find {
  readonly open = signal(false);
  readonly summary = signal("");
  readonly invalid = signal("");
  /** Why the server did not search. */
  readonly serverError = signal("");
  readonly busy = signal(false);
  /** Lines that were not looked at. */
  readonly unsearched = signal(0);
  query: Query = { text: "", regex: false, matchCase: false };
  #hits = new Hits();
  #match: (text: string) => readonly Span[] | null = () => [];
  #current: number | null = null;
  #turn = 0;
  #abort: AbortController | null = null;
  #runToEnd = false;
  /** The loaded lines can be searched here. */
  #local = true;
  readonly #model: LogModel;
  readonly #run: string;

  constructor(model: LogModel, run: string) {
    this.#model = model;
    this.#run = run;
    model.highlightWith((line, text) => {
      if (!this.#active) return [];
      return (this.#local ? this.#spans(line, text) : null) ?? this.#hits.spans(line);
    });
    model.grown.on((first, last) => {
      if (this.#active && this.#local) this.#look(first, last);
      this.#summarize();
    });
  }

  /** Lines with hits, in order. */
  get lines(): readonly number[] {
    return this.#hits.lines;
  }

  get #active(): boolean {
    return this.open.peek() && this.query.text !== "" && this.invalid.peek() === "";
  }

  /** Look for something else. */
  start(query: Query): void {
    this.query = query;
    this.#stop();
    this.#hits = new Hits();
    this.#current = null;
    this.#model.current = 0;
    this.invalid.value = "";
    this.serverError.value = "";
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
      this.#runToEnd = true;
      void this.rest();
    } else if (this.#active) {
      this.#runToEnd = true;
      this.busy.value = true;
      this.#slice(this.#turn, Math.floor((this.#model.firstVisible - 1) / BLOCK_LINES));
    }
    this.#summarize();
    this.#model.refresh();
  }

  close(): void {
    this.open.value = false;
    this.#stop();
    this.#model.current = 0;
    this.#model.refresh();
  }

  /** Go to the next hit, or the one before. */
  step(forward: boolean): void {
    const from = this.#current ?? this.#model.firstVisible - (forward ? 1 : -1);
    const line = this.#hits.next(from, forward);
    if (line === null) return;
    this.#current = line;
    this.#model.goToHit(line);
    this.#summarize();
  }

  /** Ask the server for the lines that are not here: first those below, then those above. */
  async rest(): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.busy.value = true;
    this.serverError.value = "";
    const here = Math.max(1, this.#model.firstVisible);
    try {
      await this.#ask(here, "forward", abort.signal);
      if (here > 1) await this.#ask(here - 1, "backward", abort.signal);
    } catch (error) {
      if (abort.signal.aborted) return;
      const { message } = error as Error;
      // Nothing here understands it either: the server names the place.
      if (error instanceof Refused && !this.#local) this.invalid.value = message;
      else this.serverError.value = `The server could not search: ${message}`;
    }
    this.busy.value = false;
    this.#settle();
  }

  /** Ask until the end, or until there are more hits than anybody looks at: each answer says where the next goes on. */
  async #ask(from: number, direction: string, signal: AbortSignal): Promise<void> {
    let next: number | null = from;
    while (next !== null && !signal.aborted && this.#hits.lines.length < MAX_HITS) {
      next = await this.#stretch(next, direction, signal);
    }
  }

  async #stretch(from: number, direction: string, signal: AbortSignal): Promise<number | null> {
    const { text, regex, matchCase } = this.query;
    const query = new URLSearchParams({
      q: text,
      regex: String(regex),
      case: String(matchCase),
      from: String(from),
      direction,
    });
    const address = searchAddress(this.#run, query);
    let response = await request(address, { signal });
    for (let again = 0; response.status === 429 && again < MAX_TRIES; again += 1) {
      // What was typed before is still being looked for.
      await pause(Number(response.headers.get("Retry-After")) || 1);
      response = await request(address, { signal });
    }
    if (response.status === 400) throw new Refused(await sentence(response));
    if (!response.ok || !response.body) throw new Error(await sentence(response));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const buffer = { rest: "" };
    while (true) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) break;
      for (const answer of answers(buffer, value)) {
        if ("broken_off" in answer) throw new Error(answer.broken_off);
        this.#answer(answer);
        if ("done" in answer) return answer.next;
      }
      this.#summarize();
    }
    if (!signal.aborted) throw new Error("its answer was cut short.");
    return null;
  }

  #answer(answer: Answer): void {
    if ("searched" in answer) this.#hits.searched.add(...answer.searched);
    // What is not stored any more needs no search.
    else if ("missing" in answer) this.#hits.searched.add(...answer.missing);
    else if ("line" in answer) this.#addHit(answer.line, answer.spans);
  }

  #addHit(line: number, spans?: readonly Span[]): void {
    this.#hits.add(line, spans);
    if (this.#runToEnd && line >= this.#model.firstVisible) {
      // The first hit from here on is shown while the rest is looked at.
      this.#runToEnd = false;
      this.#current = line;
      this.#model.goToHit(line);
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
    const blocks = Math.ceil(this.#model.total.peek() / BLOCK_LINES);
    const until = performance.now() + SLICE_MS;
    let count = done;
    while (count < blocks && performance.now() < until) {
      const k = (from + count) % blocks;
      this.#look(k * BLOCK_LINES + 1, Math.min((k + 1) * BLOCK_LINES, this.#model.total.peek()));
      count += 1;
    }
    if (count < blocks) setTimeout(() => this.#slice(turn, from, count), 0);
    else if (this.#hits.searched.total < this.#model.total.peek()) void this.rest();
    else {
      this.busy.value = false;
      this.#settle();
    }
    this.#summarize();
  }

  /** All is looked at: without a hit from here on, the first of all is shown. */
  #settle(): void {
    if (this.#runToEnd && this.#hits.lines.length > 0) {
      this.#runToEnd = false;
      this.step(true);
    }
    this.#model.refresh();
    this.#summarize();
  }

  /** Where it is in a line, with what stands around it; null if only the server can say. */
  #spans(line: number, stored: string): readonly Span[] | null {
    const text = plain(stored);
    const { before, after } = contextOf(this.#model.lines, line);
    const found = this.#match(`${before}${text}${after}`);
    return found && (before || after)
      ? spansWithin(found, before.length, before.length + text.length)
      : found;
  }

  #look(first: number, last: number): void {
    let from = first;
    for (let line = first; line <= last; line += 1) {
      const text = this.#model.lines.get(line);
      const spans = text === undefined ? null : this.#spans(line, text);
      if (spans === null) {
        this.#hits.searched.add(from, line - 1);
        from = line + 1;
      } else if (spans.length > 0) this.#addHit(line);
    }
    this.#hits.searched.add(from, last);
  }

  #summarize(): void {
    const total = this.#model.total.peek();
    if (!this.#active) {
      this.summary.value = "";
      this.unsearched.value = 0;
      return;
    }
    this.unsearched.value = Math.max(0, total - this.#hits.searched.total);
    this.summary.value = findWords(this.#hits, this.#current, total, this.busy.peek());
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

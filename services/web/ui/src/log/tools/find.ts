// Looking for text: in the loaded lines at once, in slices, and in the rest by the
// server where it can.

import { effect, signal } from "@preact/signals";
import { request, searchAddress } from "../../api";
import { withCommas } from "../../numbers";
import { plain } from "../model/ansi";
import { contextOf, spansWithin } from "../model/continuation";
import { levelExpression, loudness } from "../model/level";
import { BLOCK_LINES } from "../model/lineblocks";
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

/** Which lines are looked for: those with a text, or of these levels. */
export type Kind = "text" | "error" | "error warning";
type Level = "error" | "warning";

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
  readonly kind = signal<Kind>("text");
  /** Only lines with hits are shown. */
  readonly only = signal(false);
  query: Query = { text: "", regex: false, matchCase: false };
  #hits = new Hits();
  #match: (text: string) => readonly Span[] | null = () => [];
  #current: number | null = null;
  #turn = 0;
  #abort: AbortController | null = null;
  #runToEnd = false;
  /** The loaded lines can be searched here. */
  #local = true;
  /** How many of the hits are shown, if only they are. */
  #shown = 0;
  /** Where the log stood when it was last shown whole, and the line where it stands since, if nobody has moved. */
  #left: { readonly row: number; readonly line: number } | null = null;
  readonly #model: LogModel;
  readonly #run: string;

  constructor(model: LogModel, run: string) {
    this.#model = model;
    this.#run = run;
    model.highlightWith((line, text) => {
      if (!this.#active || this.kind.peek() !== "text") return [];
      return (this.#local ? this.#spans(line, text) : null) ?? this.#hits.spans(line);
    });
    model.grown.on((first, last) => {
      // Another history began: what was found in the one before is gone.
      if (first === 1 && this.#hits.lines.length > 0) this.start();
      if (this.#active && this.#local) this.#look(first, last);
      this.#summarize();
    });
    model.missed.on(() => this.showOnly(false));
    effect(() => {
      void model.outlineChanges.value;
      if (this.#active && this.kind.peek() !== "text") this.#declared();
    });
  }

  /** Lines with hits, in order. */
  get lines(): readonly number[] {
    return this.#hits.lines;
  }

  get #active(): boolean {
    const sought = this.kind.peek() !== "text" || this.query.text !== "";
    return this.open.peek() && sought && this.invalid.peek() === "";
  }

  /** What the server is asked for. */
  get #sought(): Query {
    const kind = this.kind.peek();
    if (kind === "text") return this.query;
    return { text: levelExpression(levelsOf(kind)), regex: true, matchCase: true };
  }

  /** Look for something else. */
  start(query = this.query): void {
    this.query = query;
    this.#stop();
    this.#hits = new Hits();
    this.#shown = -1;
    this.#current = null;
    this.#model.current = 0;
    this.invalid.value = "";
    this.serverError.value = "";
    this.#local = true;
    try {
      const kind = this.kind.peek();
      this.#match = kind === "text" ? matcher(query) : levelMatcher(kind);
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
      if (this.kind.peek() !== "text") this.#declared();
      this.#runToEnd = true;
      this.busy.value = true;
      this.#slice(this.#turn, Math.floor((this.#model.firstVisible - 1) / BLOCK_LINES));
    }
    this.#summarize();
    this.#model.refresh();
  }

  /** Look for lines of another kind. */
  choose(kind: Kind): void {
    this.kind.value = kind;
    this.start();
  }

  /** Show only lines with hits, or the whole log again. */
  showOnly(wanted: boolean): void {
    this.only.value = wanted;
    this.#narrow(true);
    this.#summarize();
  }

  close(): void {
    this.showOnly(false);
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

  /** Lines that events call errors or warnings are hits as well. */
  #declared(): void {
    const levels = levelsOf(this.kind.peek());
    const { groups, known, rows } = this.#model;
    // What only an event says stands before a line, and not in it.
    const events = new Set(rows.notes.filter(({ level }) => level !== "note").map(({ at }) => at));
    for (const [line, level] of groups.levels) if (levels.includes(level)) this.#hits.add(line);
    const warnings = levels.includes("warning") ? known.warnings : [];
    for (const line of [...known.errors, ...warnings]) {
      if (line <= this.#model.total.peek() && !events.has(line)) this.#hits.add(line);
    }
    this.#summarize();
  }

  /** Show as much of the log as is wanted. `anew`: that has changed. */
  #narrow(anew = false): void {
    const model = this.#model;
    const { lines } = this.#hits;
    if (!this.only.peek() || !this.#active) {
      if (model.rows.only === null) return;
      const left = this.#left;
      this.#left = null;
      const moved = model.firstVisible !== left?.line && model.count > 0;
      model.showOnly(null, moved ? null : (left?.row ?? null));
      return;
    }
    if (!anew && lines.length === this.#shown) return;
    // What is shown stays until there is something else.
    if (lines.length === 0 && this.busy.peek()) return;
    const row = model.rows.only === null ? model.firstRow : null;
    this.#shown = lines.length;
    model.showOnly([...lines]);
    if (row !== null) this.#left = { row, line: model.firstVisible };
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
    const { text, regex, matchCase } = this.#sought;
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
      this.#narrow();
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
    this.#narrow();
    const total = this.#model.total.peek();
    if (!this.#active) {
      this.summary.value = "";
      this.unsearched.value = 0;
      return;
    }
    this.unsearched.value = Math.max(0, total - this.#hits.searched.total);
    const words = findWords(this.#hits, this.#current, total, this.busy.peek());
    const full = this.only.peek() && this.#hits.lines.length >= MAX_HITS;
    this.summary.value = full ? `${words} · ${withCommas(MAX_HITS)} are shown` : words;
  }
}

function levelsOf(kind: Kind): Level[] {
  return kind === "text" ? [] : (kind.split(" ") as Level[]);
}

/** The whole line is the hit. */
function levelMatcher(kind: Kind): (text: string) => readonly Span[] {
  const levels = levelsOf(kind);
  return (text) => {
    const level = loudness(text);
    return level !== null && levels.includes(level) ? [[0, Number.POSITIVE_INFINITY]] : [];
  };
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

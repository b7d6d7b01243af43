// What is looked for, and where it was found: loaded lines in slices, the rest by
// the server's stream. Pure.

import { withCommas } from "../../numbers";

export interface Query {
  readonly text: string;
  readonly regex: boolean;
  readonly matchCase: boolean;
}

export type Span = readonly [from: number, to: number];

/** Longest text that an expression is tried on here; the server has one that takes linear time. */
const REGEX_CHARACTERS = 4_096;
const MAX_SPANS = 100;
/** Hits beyond this many are counted by the server only. */
export const MAX_HITS = 100_000;

/** Repetition inside repetition: such an expression could stop the page for hours. */
const NESTED = /\((?:[^()\\]|\\.)*[+*}](?:[^()\\]|\\.)*\)[+*{]/;

export class BadQuery extends Error {}

/** Nothing for a page; the server's expressions take linear time. */
export class TooCostly extends BadQuery {}

/** Finds all places in a text; null: it is too long for an expression here. Throws `BadQuery` with a sentence. */
export function matcher(query: Query): (text: string) => readonly Span[] | null {
  if (query.text === "") return () => [];
  if (!query.regex) return textMatcher(query.text, query.matchCase);
  if (NESTED.test(query.text)) {
    throw new TooCostly("A repeated group with a repetition inside can take forever.");
  }
  let expression: RegExp;
  try {
    expression = new RegExp(query.text, query.matchCase ? "gu" : "giu");
  } catch (error) {
    throw new BadQuery((error as Error).message.replace(/^Invalid regular expression: /, ""));
  }
  return (text) => {
    if (text.length > REGEX_CHARACTERS) return null;
    const spans: Span[] = [];
    for (const match of text.matchAll(expression)) {
      if (match[0] !== "") spans.push([match.index, match.index + match[0].length]);
      if (spans.length >= MAX_SPANS) break;
    }
    return spans;
  };
}

/** What looks the same is the same, however its accents are written; the server has it so as well. */
function textMatcher(text: string, matchCase: boolean): (line: string) => readonly Span[] {
  const forms = [...new Set([text, text.normalize("NFC"), text.normalize("NFD")])];
  const literal = forms.map((form) => form.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|");
  // Not by small letters: those of a text may be more or fewer than its characters.
  const wanted = new RegExp(literal, matchCase ? "gu" : "giu");
  return (line) => {
    const spans: Span[] = [];
    for (const { index, 0: found } of line.matchAll(wanted)) {
      spans.push([index, index + found.length]);
      if (spans.length >= MAX_SPANS) break;
    }
    return spans;
  };
}

/** Sorted, disjoint ranges of lines. */
export class Ranges {
  #all: [number, number][] = [];

  get all(): readonly (readonly [number, number])[] {
    return this.#all;
  }

  get total(): number {
    return this.#all.reduce((sum, [a, b]) => sum + b - a + 1, 0);
  }

  add(from: number, to: number): void {
    if (to < from) return;
    const kept: [number, number][] = [];
    let [a, b] = [from, to];
    for (const range of this.#all) {
      if (range[1] < a - 1 || range[0] > b + 1) kept.push(range);
      else {
        a = Math.min(a, range[0]);
        b = Math.max(b, range[1]);
      }
    }
    kept.push([a, b]);
    this.#all = kept.sort((x, y) => x[0] - y[0]);
  }

  has(line: number): boolean {
    return this.#all.some(([a, b]) => line >= a && line <= b);
  }
}

/** Lines with hits, in order, and which lines were looked at. */
export class Hits {
  readonly searched = new Ranges();
  #lines: number[] = [];
  /** Line → where in it, as far as the server said. */
  readonly #known = new Map<number, readonly Span[]>();

  get lines(): readonly number[] {
    return this.#lines;
  }

  add(line: number, spans: readonly Span[] = []): void {
    if (this.#known.has(line) || this.#lines.length >= MAX_HITS) return;
    this.#known.set(line, spans);
    const last = this.#lines[this.#lines.length - 1];
    if (last === undefined || line > last) this.#lines.push(line);
    else this.#lines.splice(this.#from(line), 0, line);
  }

  /** The next hit after a line in a direction; at the end it goes on at the beginning. */
  next(line: number, forward: boolean): number | null {
    if (this.#lines.length === 0) return null;
    const count = this.#lines.length;
    const at = forward ? this.#from(line + 1) : this.#from(line) - 1;
    return this.#lines[(at + count) % count] ?? null;
  }

  /** 1 for the first hit. */
  rank(line: number): number {
    return this.#from(line) + 1;
  }

  has(line: number): boolean {
    return this.#known.has(line);
  }

  /** What the server said about a line. */
  spans(line: number): readonly Span[] {
    return this.#known.get(line) ?? [];
  }

  #from(line: number): number {
    let [low, high] = [0, this.#lines.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#lines[middle] ?? 0) < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** One line of the server's stream. */
export type Answer =
  | { readonly line: number; readonly spans?: readonly Span[] }
  | { readonly searched: readonly [number, number] }
  | { readonly missing: readonly [number, number] }
  | { readonly broken_off: string }
  | { readonly done: true; readonly hits: number; readonly next: number | null };

/** Chunks of text → whole answers. */
export function* answers(buffer: { rest: string }, chunk: string): Generator<Answer> {
  const lines = (buffer.rest + chunk).split("\n");
  buffer.rest = lines.pop() ?? "";
  for (const line of lines) if (line.trim()) yield JSON.parse(line) as Answer;
}

/** `hit 12 of 431 · searched lines 1-2,000`. */
export function findWords(
  findings: Hits,
  current: number | null,
  total: number,
  busy: boolean,
): string {
  const count = findings.lines.length;
  const all = findings.searched.total >= total;
  const ranges = findings.searched.all;
  const [first, last] = [ranges[0], ranges[ranges.length - 1]];
  const where =
    ranges.length === 1 && first
      ? `lines ${withCommas(first[0])}-${withCommas(first[1])}`
      : `${withCommas(findings.searched.total)} lines between ${withCommas(first?.[0] ?? 0)} and ${withCommas(last?.[1] ?? 0)}`;
  const searched = busy ? "still searching" : all ? "searched all lines" : `searched ${where}`;
  if (count === 0) return `no hit · ${searched}`;
  const of = all && count < MAX_HITS ? withCommas(count) : `at least ${withCommas(count)}`;
  const which =
    current === null
      ? `${of} lines with hits`
      : `hit ${withCommas(findings.rank(current))} of ${of}`;
  return `${which} · ${searched}`;
}

// StoredLines of the log fetched out of order: each is checked in itself, and counts as
// checked ground when it touches some. The digests at the edges outlive the text,
// so that what is fetched again must be the same. Pure.

import { GENESIS } from "../../protocol/chain";
import { Cursor, Discontinuity, type Position } from "../../protocol/cursor";
import { type Item, idText, isCut, parseItem } from "../../protocol/entry";
import { runToEnd } from "../../slices";

interface DetachedRange {
  readonly line: number;
  readonly chain: string;
  readonly to: number;
  readonly end: string;
}

/** The items of a window, and where it ends. */
export interface Checked {
  readonly items: Item[];
  readonly end: Position;
}

const MAX_EDGES = 20_000;

export class DetachedRanges {
  /** Line → digests before it that were seen there (events stand between lines). */
  readonly #edges = new Map<number, Set<string>>();
  #ranges: DetachedRange[] = [];

  clear(): void {
    this.#edges.clear();
    this.#ranges = [];
  }

  get count(): number {
    return this.#ranges.length;
  }

  /** Check a window; returns its items and where it ends. Throws `Discontinuity`. */
  check(start: Position, values: readonly unknown[]): Checked {
    return runToEnd(this.checking(start, values));
  }

  /** The same, with a pause after each item. */
  *checking(start: Position, values: readonly unknown[]): Generator<void, Checked> {
    const cursor = new Cursor(start.epoch, start.line, start.chain);
    if (start.line === 1 && this.#isBehindNothing(start, values) && start.chain !== GENESIS) {
      throw new Discontinuity("?", `digest ${GENESIS} at line 1`, start.chain);
    }
    const met = new Map<number, Set<string>>();
    const meet = () => {
      const chains = met.get(cursor.line) ?? new Set<string>();
      chains.add(cursor.chain);
      met.set(cursor.line, chains);
    };
    meet();
    const items: Item[] = [];
    for (const value of values) {
      const item = parseItem(value);
      if (isCut(item)) items.push(cursor.skip(item));
      else {
        cursor.take(item);
        items.push(item);
      }
      meet();
      yield;
    }
    for (const [line, chains] of met) {
      const known = this.#edges.get(line);
      // At the window's own ends other events of the same place may be missing.
      if (!known || line === start.line || line === cursor.line) continue;
      if (![...known].some((chain) => chains.has(chain))) {
        const last = items[items.length - 1];
        throw new Discontinuity(
          last && !isCut(last) ? idText(last.id) : "?",
          `digest ${[...known][0]} at line ${line}`,
          `${[...chains][0]}`,
        );
      }
    }
    this.#remember(start.line, start.chain);
    this.#remember(cursor.line, cursor.chain);
    this.#join({ line: start.line, chain: start.chain, to: cursor.line, end: cursor.chain });
    return { items, end: cursor.position };
  }

  /** Ground that was checked by following: what is fetched there later must be the same. */
  verified(from: Position, to: Position): void {
    this.#remember(from.line, from.chain);
    this.#remember(to.line, to.chain);
  }

  #isBehindNothing(start: Position, values: readonly unknown[]): boolean {
    const first = values[0] as { id?: unknown } | undefined;
    return start.line === 1 && first?.id === "1-1";
  }

  #remember(line: number, chain: string): void {
    if (this.#edges.size >= MAX_EDGES) return;
    const chains = this.#edges.get(line) ?? new Set<string>();
    chains.add(chain);
    this.#edges.set(line, chains);
  }

  #join(range: DetachedRange): void {
    let made = range;
    const rest: DetachedRange[] = [];
    for (const other of this.#ranges) {
      if (other.to === made.line && other.end === made.chain) {
        made = { line: other.line, chain: other.chain, to: made.to, end: made.end };
      } else if (made.to === other.line && made.end === other.chain) {
        made = { line: made.line, chain: made.chain, to: other.to, end: other.end };
      } else if (other.line >= made.line && other.to <= made.to) {
        // Inside what was just checked.
      } else rest.push(other);
    }
    this.#ranges = [...rest, made];
  }
}

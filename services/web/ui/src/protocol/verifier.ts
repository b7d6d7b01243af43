// What this page has seen of a run, and whether it can be proved whole.
// Pure: no sockets, no clock, no DOM.

import { withCommas } from "../numbers";
import { runToEnd } from "../slices";
import { GENESIS } from "./chain";
import { Cursor, Discontinuity, type Position } from "./cursor";
import { type Item, idText, isCut, ProtocolError, parseItem } from "./entry";
import type { End } from "./event";
import { Tally } from "./tally";

export interface Verdict {
  /** Everything shown continues the chain, and the totals agree. */
  readonly verified: boolean;
  /** The first line that was checked; 1 for a whole log. */
  readonly from: number;
  /** Number of lines that the run prints. */
  readonly lines: number;
  /** One sentence for people. */
  readonly text: string;
}

/** Take an item if it is the very next one; a cut is returned as seen from here. */
function taken(cursor: Cursor, item: Item): Item {
  if (isCut(item)) return cursor.skip(item);
  cursor.take(item);
  return item;
}

export class Verifier {
  #cursor: Cursor | null = null;
  #verifiedFrom: Position | null = null;
  readonly #tally = new Tally();
  #mismatch: Discontinuity | null = null;

  /** Where to resume, or null before the first answer. */
  get position(): Position | null {
    return this.#cursor?.position ?? null;
  }

  /** The position the checked part begins at. */
  get verifiedFrom(): Position | null {
    return this.#verifiedFrom;
  }

  get end(): End | null {
    return this.#tally.end;
  }

  /** Start where the server's answer says, or go on there after an absence. */
  begin(position: Position): void {
    const cursor = this.#cursor;
    if (cursor === null) {
      this.#cursor = new Cursor(position.epoch, position.line, position.chain);
      this.#verifiedFrom = position;
      return;
    }
    if (cursor.epoch !== position.epoch) {
      throw new ProtocolError("epoch", "a view never mixes epochs");
    }
    if (cursor.line !== position.line || cursor.chain !== position.chain) {
      throw new ProtocolError(
        "resume",
        `resumed at line ${position.line}, asked for line ${cursor.line}`,
      );
    }
  }

  /**
   * Take the items of one message; returns what is new, parsed and checked.
   * Throws `Discontinuity` at the first that does not follow, and remembers it.
   */
  feed(values: readonly unknown[], epoch: number): Item[] {
    const cursor = this.#cursor;
    if (cursor === null) throw new ProtocolError("order", "a message before the answer");
    if (cursor.epoch !== epoch) {
      throw new ProtocolError("epoch", `a message of epoch ${epoch} in a view of ${cursor.epoch}`);
    }
    const items: Item[] = [];
    for (const value of values) {
      try {
        const item = taken(cursor, parseItem(value));
        this.#tally.add(item);
        items.push(item);
      } catch (error) {
        if (error instanceof Discontinuity) {
          error.taken = items;
          this.#mismatch = error;
        }
        throw error;
      }
    }
    return items;
  }

  /**
   * Move the beginning of the checked part up by an earlier, contiguous window.
   * The window is checked in itself and must end where the checked part begins.
   * Returns its items; throws `Discontinuity` and changes nothing otherwise.
   */
  prepend(start: Position, values: readonly unknown[]): Item[] {
    return runToEnd(this.prepending(start, values)) ?? [];
  }

  /** The same, with a pause after each item; null if another window came first meanwhile. */
  *prepending(start: Position, values: readonly unknown[]): Generator<void, Item[] | null> {
    const before = this.#verifiedFrom;
    if (before === null || start.epoch !== before.epoch) {
      throw new ProtocolError("epoch", "a view never mixes epochs");
    }
    const cursor = new Cursor(start.epoch, start.line, start.chain);
    const items: Item[] = [];
    const tally = new Tally();
    for (const value of values) {
      if (cursor.line >= before.line && cursor.chain === before.chain) break;
      const item = taken(cursor, parseItem(value));
      tally.add(item);
      items.push(item);
      yield;
    }
    if (cursor.line !== before.line || cursor.chain !== before.chain) {
      throw new Discontinuity(
        cursor.last ? idText(cursor.last) : "?",
        `digest ${before.chain} at line ${before.line}`,
        `${cursor.chain} at line ${cursor.line}`,
      );
    }
    if (this.#verifiedFrom !== before) return null;
    this.#tally.prepend(tally);
    this.#verifiedFrom = start;
    return items;
  }

  /** The claim that can be made, or null while the run goes on. */
  get verdict(): Verdict | null {
    const from = this.#verifiedFrom?.line ?? 1;
    const counted = (this.#cursor?.line ?? 1) - 1;
    if (this.#mismatch !== null) {
      const { entry, expected, got } = this.#mismatch;
      const text = `does not match its chain: entry ${entry}, expected ${expected}, got ${got}`;
      return { verified: false, from, lines: counted, text };
    }
    const { end, cuts, lost } = this.#tally;
    if (end === null) return null;
    const wrong = this.#wrongTotal(end, counted);
    if (wrong !== null) {
      return {
        verified: false,
        from,
        lines: end.lines,
        text: `does not match its end: ${wrong}`,
      };
    }
    const proof = from === 1 ? "verified" : `verified from line ${withCommas(from)}`;
    const missing = [
      ...cuts.map((cut) => `lines ${withCommas(cut.from)}-${withCommas(cut.to)} were cut`),
      ...lost.map(([first, last]) => `lines ${withCommas(first)}-${withCommas(last)} were lost`),
    ];
    const claim = `${withCommas(end.lines)} ${end.lines === 1 ? "line" : "lines"}, ${proof}`;
    const text = missing.length === 0 ? `complete: ${claim}` : [claim, ...missing].join("; ");
    return { verified: true, from, lines: end.lines, text };
  }

  #wrongTotal(end: End, counted: number): string | null {
    if (end.lines !== counted) return `${end.lines} lines at the end, ${counted} counted`;
    const start = this.#verifiedFrom;
    const whole = start?.line === 1 && start.chain === GENESIS;
    if (whole && this.#tally.cutIsExact && end.bytes !== this.#tally.bytes) {
      return `${end.bytes} bytes at the end, ${this.#tally.bytes} counted`;
    }
    return null;
  }
}

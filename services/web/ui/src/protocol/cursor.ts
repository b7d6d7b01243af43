// Reading a log in order: what follows must continue what was read, or say why not.

import { GENESIS, link } from "./chain";
import {
  type Cut,
  compareIds,
  type Entry,
  type EntryId,
  type Item,
  idText,
  ProtocolError,
} from "./entry";
import { decodeEvent } from "./event";

/** Where to go on reading: (epoch, next line, digest of everything before). */
export interface Position {
  readonly epoch: number;
  readonly line: number;
  readonly chain: string;
}

/** An entry does not continue what was read before it. */
export class Discontinuity extends ProtocolError {
  readonly entry: string;
  readonly expected: string;
  readonly got: string;
  /** What came before it in the same message, and is in order. */
  taken: Item[] = [];

  constructor(entry: string, expected: string, got: string) {
    super("discontinuity", `entry ${entry}: expected ${expected}, got ${got}`);
    this.entry = entry;
    this.expected = expected;
    this.got = got;
  }
}

/** After lost history numbers go on behind what was lost, and this event says so. */
function explainsJump(entry: Entry): boolean {
  return entry.type === "e" && decodeEvent(entry).kind === "store-lost";
}

export class Cursor {
  readonly epoch: number;
  line: number;
  chain: string;
  /** The last entry read; null when reading began in the middle. */
  last: EntryId | null;

  constructor(epoch: number, line = 1, chain = GENESIS, last: EntryId | null = null) {
    this.epoch = epoch;
    this.line = line;
    this.chain = chain;
    this.last = last ?? (line === 1 && chain === GENESIS ? { attempt: 0, seq: 0 } : null);
  }

  get position(): Position {
    return { epoch: this.epoch, line: this.line, chain: this.chain };
  }

  /** Take the very next entry. Throws `Discontinuity`; the cursor then stands where it stood. */
  take(entry: Entry): void {
    const name = idText(entry.id);
    const { attempt, seq } = entry.id;
    if (this.last !== null) {
      if (compareIds(entry.id, this.last) <= 0) {
        throw new Discontinuity(name, `an id after ${idText(this.last)}`, name);
      }
      const next =
        (attempt === this.last.attempt && seq === this.last.seq + 1) ||
        (attempt > this.last.attempt && seq === 1);
      if (!next && !explainsJump(entry)) {
        throw new Discontinuity(name, `the entry after ${idText(this.last)}`, name);
      }
    }
    // Forwards only: a number that was used never comes again.
    if (entry.from < this.line || (entry.from > this.line && !explainsJump(entry))) {
      throw new Discontinuity(name, `line ${this.line}`, `line ${entry.from}`);
    }
    const expected = link(this.chain, entry.type, entry.payload);
    if (entry.chain !== expected) {
      throw new Discontinuity(name, `digest ${expected}`, entry.chain);
    }
    this.last = entry.id;
    this.line = entry.from + entry.n;
    this.chain = entry.chain;
  }

  /** Jump over a cut; returns it as seen from here. */
  skip(cut: Cut): Cut {
    if (cut.to + 1 < this.line) {
      throw new Discontinuity(
        idText(cut.last),
        `line ${this.line}`,
        `a cut that ends at ${cut.to}`,
      );
    }
    const seen = { ...cut, from: Math.max(cut.from, this.line) };
    this.last = cut.last;
    this.line = cut.to + 1;
    this.chain = cut.chain;
    return seen;
  }
}

// Fetches windows of a log out of order, and hands on only what fits together.

import { type LogWindow, logWindow, Problem } from "../../api";
import { Discontinuity, type Position } from "../../protocol/cursor";
import type { Item } from "../../protocol/entry";
import { inSlices } from "../../slices";
import type { DetachedRanges } from "./detached";
import type { Lines } from "./lines";
import { styleOf } from "./style";

/** What is known of the proof, from the one who follows the log. */
export interface Proof {
  readonly epoch: number | null;
  /** Where the checked part begins. */
  readonly verifiedFrom: Position | null;
  /** Move the checked part's beginning up by a window that reaches it. */
  extend(start: Position, values: readonly unknown[]): Promise<unknown>;
  mismatch(error: Discontinuity): void;
}

export class Loader {
  /** Null before the log is followed. */
  proof: Proof | null = null;
  readonly #run: string;
  readonly #detached: DetachedRanges;

  constructor(run: string, detached: DetachedRanges) {
    this.#run = run;
    this.#detached = detached;
  }

  /**
   * Fetch lines from one on, check them, and let them be added.
   * Returns the line to go on at. Throws `Problem`, `Discontinuity` and what `abort` says.
   */
  async load(
    from: number,
    limit: number,
    abort: AbortSignal,
    lines: Lines,
    add: (items: readonly Item[]) => void,
  ): Promise<number> {
    const window = await logWindow(this.#run, from, limit, null, abort);
    const { epoch, from: line, chain, entries } = window;
    const { proof } = this;
    if (proof && proof.epoch !== null && proof.epoch !== epoch) {
      throw new Problem(409, {
        title: "The log was replaced. Reload the page to see the new one.",
      });
    }
    try {
      const { items } = await inSlices(this.#detached.checking({ epoch, line, chain }, entries));
      // Another history may have begun meanwhile.
      abort.throwIfAborted();
      const before = proof?.verifiedFrom;
      if (before && line < before.line && window.next.line >= before.line) {
        await proof?.extend({ epoch, line, chain }, entries);
        abort.throwIfAborted();
      }
      begin(window, lines);
      add(items);
    } catch (error) {
      if (error instanceof Discontinuity) proof?.mismatch(error);
      throw error;
    }
    return window.next.line;
  }

  /** The end of a log comes without the style that it begins in. */
  async learnStyle(line: number, lines: Lines): Promise<void> {
    try {
      const window = await logWindow(this.#run, line, 1);
      if (window.from === line && window.epoch === this.proof?.epoch) begin(window, lines);
    } catch (error) {
      // It stays plain; whoever wants the lines before is told what is wrong.
      if (!(error instanceof Problem)) throw error;
    }
  }
}

/** What the server knows of the style in force where a window begins. */
function begin(window: LogWindow, lines: Lines): void {
  if (typeof window.style === "string" || window.link) {
    lines.styles.begins(window.from, styleOf(window.style ?? "", window.link ?? ""));
  }
}

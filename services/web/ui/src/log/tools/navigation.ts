// From error to error and from group to group.

import { withCommas } from "../../numbers";
import type { VirtualList } from "../drawing/virtuallist";
import type { Group } from "../model/groups";
import type { LogModel } from "../model/logmodel";
import { levelsOf } from "../model/standsout";

/**
 * What was folded or opened.
 *
 * @param known - Groups that can be folded.
 * @param counted - Those of the log, of which the page knows a bounded number.
 * @param frames - Whether there are frames of libraries as well.
 */
export function foldWords(folded: boolean, known: number, counted: number, frames = false): string {
  const groups = known === 1 ? "1 group" : `${withCommas(known)} groups`;
  const what = [...(known > 0 ? [groups] : []), ...(frames ? ["frames of libraries"] : [])];
  if (what.length === 0) return "Nothing to fold";
  const words = what.join(" and ");
  const done = `${words[0]?.toUpperCase()}${words.slice(1)} ${folded ? "folded" : "opened"}`;
  if (counted <= known) return done;
  return `${done}. The log has ${withCommas(counted)}; the others follow when their lines are loaded.`;
}

export class Navigation {
  readonly #model: LogModel;
  readonly #list: VirtualList;
  readonly #say: (sentence: string) => void;
  /** The line the keyboard is at, if it is at one. */
  readonly #focused: () => number | null;

  constructor(
    model: LogModel,
    list: VirtualList,
    say: (sentence: string) => void,
    focused: () => number | null,
  ) {
    this.#model = model;
    this.#list = list;
    this.#say = say;
    this.#focused = focused;
  }

  /** The line that is meant by "here": of those that stand out one that can be seen, else the first. */
  get here(): number {
    const { current, marked, firstVisible, rows } = this.#model;
    const seen = (line: number) =>
      line > 0 && !rows.hidden(line) && this.#list.sees(rows.rowOf(line));
    return [this.#focused() ?? 0, current, marked.peek()?.first ?? 0].find(seen) ?? firstVisible;
  }

  /** True if there was one. */
  toError(forward: boolean): boolean {
    const lines = [
      ...[...levelsOf(this.#model)].filter(([, level]) => level === "error").map(([line]) => line),
      ...this.#model.rows.notes.filter((note) => note.level === "error").map((note) => note.at),
    ].sort((a, b) => a - b);
    return this.#step(lines, forward, "error");
  }

  toGroup(forward: boolean): boolean {
    const heads = this.#model.groups.all.map((group) => group.head ?? group.first);
    return this.#step(
      heads.sort((a, b) => a - b),
      forward,
      "group",
    );
  }

  /** Show a line, and go on from there. */
  show(line: number): void {
    this.#model.current = line;
    this.#model.goTo(Math.min(line, this.#model.total.peek()));
  }

  foldHere(): void {
    const { frames, groups } = this.#model;
    const focused = this.#focused();
    const group =
      (focused === null ? undefined : frames.around(focused)) ?? groups.around(this.here).pop();
    if (group) this.fold(group);
    else this.#say("Nothing to fold here");
  }

  foldAll(): void {
    const folded = this.#model.foldAll();
    const { groups, known, frames } = this.#model;
    this.#say(foldWords(folded, groups.all.length, known.groupCount, frames.all.length > 0));
  }

  fold(group: Group): void {
    this.#model.fold(group, !group.folded);
  }

  #step(lines: readonly number[], forward: boolean, what: string): boolean {
    const { here } = this;
    const line = forward ? lines.find((one) => one > here) : lines.findLast((one) => one < here);
    if (line === undefined) {
      this.#say(`No ${forward ? "later" : "earlier"} ${what} in the loaded lines`);
      return false;
    }
    this.show(line);
    this.#say(`${what}, line ${withCommas(line)}`);
    return true;
  }
}

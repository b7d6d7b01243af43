// From error to error and from group to group.

import { grouped } from "../protocol/view";
import type { Group } from "./groups";
import type { LogScreen } from "./screen";

/** `known`: groups that can be folded; `counted`: those of the log, of which the page knows a bounded number. */
export function foldWords(folded: boolean, known: number, counted: number): string {
  if (known === 0) return "No groups";
  const done = `${known === 1 ? "1 group" : `${grouped(known)} groups`} ${folded ? "folded" : "opened"}`;
  if (counted <= known) return done;
  return `${done}; the log has ${grouped(counted)}: the others follow when their lines are loaded`;
}

export class Walk {
  readonly #screen: LogScreen;
  readonly #say: (sentence: string) => void;
  /** The line the keyboard is at, if it is at one. */
  readonly #focused: () => number | null;

  constructor(screen: LogScreen, say: (sentence: string) => void, focused: () => number | null) {
    this.#screen = screen;
    this.#say = say;
    this.#focused = focused;
  }

  /** The line that is meant by "here": of those that stand out one that can be seen, else the first. */
  get here(): number {
    const { current, marked, firstVisible, list, rows } = this.#screen;
    const seen = (line: number) =>
      line > 0 && !rows.hidden(line) && (list?.sees(rows.rowOf(line)) ?? false);
    return [this.#focused() ?? 0, current, marked.peek()?.first ?? 0].find(seen) ?? firstVisible;
  }

  /** True if there was one. */
  toError(forward: boolean): boolean {
    const { groups, rows } = this.#screen;
    const lines = [
      ...[...groups.levels].filter(([, level]) => level === "error").map(([line]) => line),
      ...this.#screen.errors,
      ...rows.notes.filter((note) => note.level === "error").map((note) => note.at),
    ].sort((a, b) => a - b);
    return this.#step(lines, forward, "error");
  }

  toGroup(forward: boolean): boolean {
    const heads = this.#screen.groups.all.map((group) => group.head ?? group.first);
    return this.#step(
      heads.sort((a, b) => a - b),
      forward,
      "group",
    );
  }

  /** Show a line, and go on from there. */
  show(line: number): void {
    this.#screen.current = line;
    this.#screen.goTo(Math.min(line, this.#screen.total.peek()));
  }

  foldHere(): void {
    const group = this.#screen.groups.around(this.here).pop();
    if (group) this.fold(group);
    else this.#say("No group here");
  }

  foldAll(): void {
    const folded = this.#screen.foldAll();
    this.#say(foldWords(folded, this.#screen.groups.all.length, this.#screen.counted));
  }

  fold(group: Group): void {
    this.#screen.fold(group, !group.folded);
  }

  #step(lines: readonly number[], forward: boolean, what: string): boolean {
    const { here } = this;
    const line = forward ? lines.find((one) => one > here) : lines.findLast((one) => one < here);
    if (line === undefined) {
      this.#say(`No ${forward ? "later" : "earlier"} ${what} in what is loaded`);
      return false;
    }
    this.show(line);
    this.#say(`${what}, line ${grouped(line)}`);
    return true;
  }
}

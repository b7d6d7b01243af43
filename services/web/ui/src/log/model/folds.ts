// What can be folded: groups, and frames of libraries. Both are hidden in the same way. Pure.

import type { EntryId } from "../../protocol/entry";
import type { Frames } from "./frames";
import type { Group, Groups } from "./groups";
import type { Fold, Rows } from "./rows";

/** All folds in order, without frames that begin in a folded group: those are gone with their header. */
export function merged(groups: readonly Fold[], frames: readonly Fold[]): readonly Fold[] {
  if (frames.length === 0) return groups;
  let at = 0;
  const shown = frames.filter(({ first }) => {
    while ((groups[at]?.last ?? Number.POSITIVE_INFINITY) < first) at += 1;
    return (groups[at]?.first ?? Number.POSITIVE_INFINITY) > first;
  });
  return [...groups, ...shown].sort((a, b) => a.first - b.first);
}

export class Folds {
  readonly #groups: Groups;
  readonly #frames: Frames;
  readonly #rows: Rows;

  constructor(groups: Groups, frames: Frames, rows: Rows) {
    this.#groups = groups;
    this.#frames = frames;
    this.#rows = rows;
  }

  /** Show the rows so. */
  apply(): void {
    this.#rows.fold(merged(this.#groups.folds(), this.#frames.folds()), this.#frames.heads);
  }

  of(id: EntryId): Group | undefined {
    return this.#groups.of(id) ?? this.#frames.of(id);
  }

  fold(group: Group, folded: boolean): void {
    if (this.#frames.of(group.id) === group) group.folded = folded;
    else this.#groups.fold(group, folded);
  }

  /** Fold everything, or open it if everything is folded. True if it is folded now. */
  foldAll(): boolean {
    const all = [...this.#groups.all, ...this.#frames.all];
    const folded = !all.every((group) => group.folded);
    this.#groups.foldAll(folded);
    this.#frames.foldAll(folded, this.#rows.lines);
    return folded;
  }

  /** Open what hides a line; true if anything did. */
  reveal(line: number): boolean {
    const inGroup = this.#groups.reveal(line);
    return this.#frames.reveal(line) || inGroup;
  }
}

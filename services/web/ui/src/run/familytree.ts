// The family of a run as a tree: who called whom. Pure.

import type { Run } from "../api";

export interface Member {
  readonly run: Run;
  /** 0: the run with which it began. */
  readonly depth: number;
}

/** The run itself if nobody called it. */
export function rootOf(run: Run): string {
  return run.root_id ?? run.id;
}

/** Callers stand before those that they called, each generation by age. Whose caller is not among them stands below the root. */
export function familyTree(runs: readonly Run[], root: string): Member[] {
  const known = new Set(runs.map(({ id }) => id));
  const byParent = new Map<string, Run[]>();
  for (const run of [...runs].sort((a, b) => a.created_ms - b.created_ms)) {
    if (run.id === root) continue;
    const { parent_id: parent } = run;
    const caller = parent !== null && parent !== run.id && known.has(parent) ? parent : root;
    byParent.set(caller, [...(byParent.get(caller) ?? []), run]);
  }
  const members: Member[] = [];
  const placed = new Set<string>();
  const place = (run: Run, depth: number) => {
    if (placed.has(run.id)) return;
    placed.add(run.id);
    members.push({ run, depth });
    for (const child of byParent.get(run.id) ?? []) place(child, depth + 1);
  };
  const first = runs.find(({ id }) => id === root);
  if (first) place(first, 0);
  else for (const child of byParent.get(root) ?? []) place(child, 0);
  // Any client of the store may have written records that call each other in a circle.
  for (const run of runs) place(run, 0);
  return members;
}

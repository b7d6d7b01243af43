// How long a task's runs usually take, as far as these runs tell. Pure.

import type { Run } from "./api";

/** One run may be anything. */
const ENOUGH = 2;

/** The middle of what successful runs took, in ms, by task. */
export function usualDurations(runs: readonly Run[]): ReadonlyMap<string, number> {
  const took = new Map<string, number[]>();
  for (const { state, task, first_started_ms: began, finished_ms: finished } of runs) {
    if (state !== "succeeded" || began === null || finished === null) continue;
    took.set(task, [...(took.get(task) ?? []), finished - began]);
  }
  const usual = new Map<string, number>();
  for (const [task, all] of took) {
    const middle = all.sort((a, b) => a - b)[all.length >> 1];
    if (all.length >= ENOUGH && middle) usual.set(task, middle);
  }
  return usual;
}

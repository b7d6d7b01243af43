// What a run is compared with: the runs of its task before it that succeeded.

import { Problem, type Run, runs } from "../api";
import { usualDurations } from "../usual";

/** How many of them are asked for. */
const MOST = 20;
/** The API looks for no longer name. */
const NAME_CHARS = 255;

export interface Earlier {
  /** How long they took, in ms; null if there are too few. */
  readonly usual: number | null;
  /** The newest of them. */
  readonly good: Run | null;
}

const NONE: Earlier = { usual: null, good: null };

/** @throws nothing: without an answer there is nothing to compare with. */
export async function earlierThan(run: Run): Promise<Earlier> {
  if (run.task.length > NAME_CHARS) return NONE;
  const filters = new URLSearchParams({
    task: run.task,
    state: "succeeded",
    until: String(run.created_ms),
    limit: String(MOST),
  });
  try {
    return earlierOf(run, (await runs(filters)).runs);
  } catch (error) {
    if (error instanceof Problem) return NONE;
    throw error;
  }
}

/** `found`: newest first. A task's name may have a `*`, which stands for any text in the API. Pure. */
export function earlierOf(run: Run, found: readonly Run[]): Earlier {
  const same = found.filter(({ task, id }) => task === run.task && id !== run.id);
  return { usual: usualDurations(same).get(run.task) ?? null, good: same[0] ?? null };
}

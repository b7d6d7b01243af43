// What would become of a run if it were started now, in words. Pure.

import type { Run, Task, Worker } from "../api";
import { duration } from "../time";
import { usualDurations } from "../usual";
import { counted, queues } from "./queues";

/** `workers`: null if they are not known. */
export function prospectWords(
  task: Task,
  workers: readonly Worker[] | null,
  runs: readonly Run[],
): string {
  const queue = queues([task], workers ?? [], runs).find(({ name }) => name === task.queue);
  const listening = queue?.workers.length ?? 0;
  const waiting = queue?.waiting ?? 0;
  const usual = usualDurations(runs).get(task.name);
  const facts = [`Goes to queue ${task.queue}`];
  if (listening > 0) facts.push(`${counted(listening, "worker")} listening`);
  if (waiting > 0) facts.push(`${counted(waiting, "run")} waiting`);
  const sentences = [`${facts.join(", ")}.`];
  if (listening === 0 && workers !== null) {
    sentences.push("No worker listens there, so the run will wait.");
  }
  if (task.exclusive) {
    const held = (state: Run["state"]) =>
      runs.some((run) => run.state === state && run.task === task.name);
    // One that waits stands in the way, too.
    const what = held("running") ? "is running" : held("queued") ? "is waiting" : "";
    const refused = what && `, and one ${what}: another is refused until it is over`;
    sentences.push(`One run at a time${refused}.`);
  }
  if (usual !== undefined) sentences.push(`Usually takes ${duration(usual)}.`);
  return sentences.join(" ");
}

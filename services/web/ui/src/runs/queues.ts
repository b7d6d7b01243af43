// Who listens to which queue, and what waits where nobody does. Pure.

import type { Run, Task, Worker } from "../api";

export interface Queue {
  readonly name: string;
  /** Names of the workers that listen. */
  readonly workers: readonly string[];
  readonly tasks: readonly string[];
  /** Runs in sight that wait in it. */
  readonly waiting: number;
}

/** Queues nobody listens to come first, then by name. */
export function queues(
  tasks: readonly Task[],
  workers: readonly Worker[],
  runs: readonly Run[],
): Queue[] {
  const names = new Set([
    ...workers.flatMap((worker) => worker.queues),
    ...tasks.map(({ queue }) => queue),
    ...runs.flatMap(({ state, queue }) => (state === "queued" && queue ? [queue] : [])),
  ]);
  const found = [...names].map((name) => ({
    name,
    workers: workers.filter((worker) => worker.queues.includes(name)).map((worker) => worker.name),
    tasks: tasks.filter(({ queue }) => queue === name).map((task) => task.name),
    waiting: runs.filter(({ state, queue }) => state === "queued" && queue === name).length,
  }));
  return found.sort(
    (a, b) =>
      Number(a.workers.length > 0) - Number(b.workers.length > 0) || a.name.localeCompare(b.name),
  );
}

/** Whether nobody listens to a queue in which runs wait. */
export function isStuck({ workers, waiting }: Queue): boolean {
  return workers.length === 0 && waiting > 0;
}

/** Whether runs wait where nobody takes them, or nobody takes any: a queue may be empty until its worker comes. */
export function lacking(
  tasks: readonly Task[],
  workers: readonly Worker[],
  runs: readonly Run[],
): boolean {
  const all = queues(tasks, workers, runs);
  return all.length > 0 && (workers.length === 0 || all.some(isStuck));
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** `2 runs wait`, `2 workers`. */
export function queueWords(queue: Queue): string {
  const wait = `${counted(queue.waiting, "run")} ${queue.waiting === 1 ? "waits" : "wait"}`;
  const waiting = queue.waiting > 0 ? [wait] : [];
  const listening = queue.workers.length > 0 ? [counted(queue.workers.length, "worker")] : [];
  return [...listening, ...waiting].join(" · ");
}

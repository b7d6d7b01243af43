// Workers and queues at a glance: who listens to what, and where nobody does.

import type { Run, Task, Worker } from "../api";
import { Icon } from "../design/icon";
import { Summary } from "../design/summary";
import { sanitize } from "../sanitize";
import { counted, isStuck, type Queue, queues, queueWords } from "./queues";

interface Props {
  readonly tasks: readonly Task[];
  readonly workers: readonly Worker[];
  readonly runs: readonly Run[];
}

export function Fleet({ tasks, workers, runs }: Props) {
  const found = queues(tasks, workers, runs);
  if (found.length === 0 && workers.length === 0) return null;
  return (
    <details class="fleet">
      <Summary>
        <span class={workers.length > 0 ? "count" : "count none"}>
          {workers.length > 0 ? counted(workers.length, "worker") : "No worker is running"}
        </span>
        {found.map((queue) => (
          <QueueMark key={queue.name} queue={queue} />
        ))}
      </Summary>
      {workers.length === 0 && (
        <p class="note">
          <StartOne />
        </p>
      )}
      <ul>
        {workers.map((worker) => (
          <li key={worker.name}>
            <code>{sanitize(worker.name)}</code>{" "}
            <span class="hint">
              {worker.queues.length > 0 ? sanitize(worker.queues.join(", ")) : "no queue"}
              {worker.concurrency ? ` · ${counted(worker.concurrency, "run")} at a time` : ""}
              {worker.pool ? ` · ${sanitize(worker.pool)}` : ""}
            </span>
          </li>
        ))}
        {found
          .filter((queue) => queue.workers.length === 0)
          .map((queue) => (
            <li key={queue.name} class={isStuck(queue) ? "nobody" : ""}>
              No worker listens to <em>{sanitize(queue.name)}</em>
              {queue.tasks.length > 0 &&
                `, the queue of ${sanitize(queue.tasks.slice(0, 5).join(", "))}`}
              {queue.tasks.length > 5 && ` and ${queue.tasks.length - 5} more`}. Start a worker with{" "}
              <code>--queues {sanitize(queue.name)}</code>.
            </li>
          ))}
      </ul>
    </details>
  );
}

/** How a worker comes to be. */
export function StartOne() {
  return (
    <>
      Start one with <code>celery -A yourapp worker</code>, where the app calls{" "}
      <code>runtail.install(app)</code>. On Kubernetes, <code>kubectl get pods</code> shows whether
      its pod is running.
    </>
  );
}

function QueueMark({ queue }: { queue: Queue }) {
  const words = queueWords(queue);
  if (queue.workers.length === 0) {
    return (
      <span class={isStuck(queue) ? "queue nobody" : "queue"}>
        {isStuck(queue) && <Icon name="warning" />} no worker listens to{" "}
        <em>{sanitize(queue.name)}</em>
        {words && ` · ${words}`}
      </span>
    );
  }
  return (
    <span class="queue">
      <em>{sanitize(queue.name)}</em> {words}
    </span>
  );
}

// The list before the first run: what there is to do, and what is done.

import type { ComponentChildren } from "preact";
import type { Task, Worker } from "../api";
import { Icon } from "../design/icon";
import { Examples, offersExamples } from "./examples";
import { StartOne } from "./fleet";
import { counted } from "./queues";

interface Props {
  /** Null: not known yet, or not theirs to see. */
  readonly tasks: readonly Task[] | null;
  readonly workers: readonly Worker[] | null;
  /** Absent: they may start none. */
  readonly start: (() => void) | null;
}

export function Welcome({ tasks, workers, start }: Props) {
  const published = tasks?.length ?? 0;
  const alive = workers?.length ?? 0;
  return (
    <section class="welcome card">
      <h2>No runs yet.</h2>
      <p class="hint">
        Every run of your tasks appears here, with what it prints, as it prints it.
      </p>
      <ol>
        <Step done={published > 0} name="Publish your tasks">
          {published > 0 ? (
            `${counted(published, "task")} can be started.`
          ) : (
            <>
              {tasks && "No task is published. Is a worker running? "}Call{" "}
              <code>runtail.install(app)</code> where your Celery app is made.
            </>
          )}
        </Step>
        <Step done={alive > 0} name="Start a worker">
          {alive > 0 ? `${counted(alive, "worker")} listening.` : <StartOne />}
        </Step>
        <Step done={false} name="Start a run">
          {start && published > 0 && (
            <button type="button" class="primary" onClick={start}>
              <Icon name="add" />
              Start one
            </button>
          )}
          {start && published > 0 ? "Or let" : "Let"} your code do it: <code>task.delay()</code>.
        </Step>
      </ol>
      {start && tasks && offersExamples(tasks, []) && <Examples />}
    </section>
  );
}

interface StepOf {
  readonly done: boolean;
  readonly name: string;
  readonly children: ComponentChildren;
}

function Step({ done, name, children }: StepOf) {
  return (
    <li class={done ? "done" : ""}>
      <span class="tick">{done && <Icon name="succeeded" />}</span>
      <strong>
        {name}
        {done && <span class="unseen"> (done)</span>}
      </strong>
      <div class="hint">{children}</div>
    </li>
  );
}

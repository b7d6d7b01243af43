// The list before the first run: what there is to do, and what is done.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { freshKey, start as startRun, type Task, type Worker } from "../api";
import { Icon } from "../design/icon";
import { ProblemNote } from "../problem";
import { StartOne } from "./fleet";
import { counted } from "./queues";

interface Props {
  /** Null: not known yet, or not theirs to see. */
  readonly tasks: readonly Task[] | null;
  readonly workers: readonly Worker[] | null;
  /** Absent: they may start none. */
  readonly start: (() => void) | null;
}

/** Only `runtail dev` has it. */
const FILL = "examples.fill";

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
      {start && tasks?.some(({ name }) => name === FILL) && <Examples />}
    </section>
  );
}

function Examples() {
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);
  const key = useSignal(freshKey()).peek();
  async function fill(): Promise<void> {
    busy.value = true;
    problem.value = null;
    try {
      // Its runs come into the list by themselves, and this page goes.
      await startRun(FILL, {}, key);
    } catch (error) {
      problem.value = error as Error;
      busy.value = false;
    }
  }
  return (
    <div class="examples">
      <button type="button" disabled={busy.value} onClick={() => void fill()}>
        {busy.value ? "Filling…" : "Fill with examples"}
      </button>
      <span class="hint">
        Only looking around? This makes runs of a made-up shop, in every state. The task{" "}
        <code>examples.remove</code> deletes them.
      </span>
      {problem.value && <ProblemNote problem={problem.value} />}
    </div>
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

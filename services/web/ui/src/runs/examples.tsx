// The examples of `runtail dev`: offered as long as there is little else to see.

import { useSignal } from "@preact/signals";
import { freshKey, type Run, start as startRun, type Task } from "../api";
import { labelsOf } from "../filters";
import { ProblemNote } from "../problem";
import { isOver } from "../words";

/** Only `runtail dev` has it. */
const FILL = "examples.fill";
const LABEL = "example:shop";
/** A list of so many runs is one to look around in. */
const FEW = 5;

/**
 * @param tasks - Those that the reader may start.
 * @param runs - All that there are.
 */
export function offersExamples(tasks: readonly Task[], runs: readonly Run[]): boolean {
  return (
    runs.length < FEW &&
    tasks.some(({ name }) => name === FILL) &&
    !runs.some((run) => labelsOf(run).includes(LABEL) || (run.task === FILL && !isOver(run)))
  );
}

export function Examples() {
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

// What is known about one run, and what can be done with it.

import { useSignal } from "@preact/signals";
import { cancel, downloadAddress, type Run } from "./api";
import { ProblemNote } from "./problem";
import { StateChip } from "./state";
import { stamp } from "./time";
import { exitWords, isOver, sinceWords } from "./words";

export function Header(props: { run: Run; now: number; changed: (run: Run) => void }) {
  const { run, now } = props;
  const exit = exitWords(run);
  return (
    <section class="about">
      <h1>
        {run.task} <StateChip state={run.state} />
        <span class="since">{sinceWords(run, now)}</span>
      </h1>
      {run.why && <p class="why">{run.why}</p>}
      <dl>
        <Fact name="Run">{run.id}</Fact>
        <Fact name="Attempt">{run.attempt || "none yet"}</Fact>
        {exit && <Fact name="Exit">{exit}</Fact>}
        {run.worker && <Fact name="Worker">{run.worker}</Fact>}
        {run.who && <Fact name="Started by">{run.who}</Fact>}
        <Fact name="Created">{stamp(run.created_ms)}</Fact>
        {run.kwargs && Object.keys(run.kwargs).length > 0 && (
          <Fact name="Parameters">
            <code>{JSON.stringify(run.kwargs)}</code>
          </Fact>
        )}
      </dl>
      <div class="tools">
        {!isOver(run) && <CancelButton run={run} changed={props.changed} />}
        <a class="button" href={downloadAddress(run.id)} download={`${run.id}.log`}>
          Download
        </a>
      </div>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function CancelButton({ run, changed }: { run: Run; changed: (run: Run) => void }) {
  const asking = useSignal(false);
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);
  if (run.cancel) return <span class="hint">Cancelling…</span>;
  async function confirmed(): Promise<void> {
    busy.value = true;
    try {
      changed(await cancel(run.id));
    } catch (error) {
      problem.value = error as Error;
    }
    busy.value = false;
    asking.value = false;
  }
  if (!asking.value) {
    return (
      <>
        <button
          type="button"
          onClick={() => {
            asking.value = true;
          }}
        >
          Cancel
        </button>
        {problem.value && <ProblemNote problem={problem.value} />}
      </>
    );
  }
  return (
    <fieldset class="confirm">
      <legend>Cancel this run? Its processes are ended.</legend>
      <button type="button" class="danger" disabled={busy.value} onClick={() => void confirmed()}>
        Yes, cancel the run
      </button>
      <button
        type="button"
        onClick={() => {
          asking.value = false;
        }}
      >
        Keep it running
      </button>
    </fieldset>
  );
}

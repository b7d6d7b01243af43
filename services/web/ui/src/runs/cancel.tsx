// The question before runs are cancelled, and what became of each.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { cancel, type Run } from "../api";
import { withCommas } from "../numbers";
import { sanitize } from "../sanitize";
import { duration } from "../time";
import { endsWords } from "../words";
import type { Tools } from "./tools";

/** So many are named; the others are counted. */
const NAMED = 10;

interface Props {
  readonly tools: Tools;
  readonly now: number;
  /** Tell the list what became of a run. */
  readonly changed: (run: Run) => void;
}

interface Failure {
  readonly run: Run;
  readonly why: string;
}

export function CancelDialog({ tools, now, changed }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const keep = useRef<HTMLButtonElement>(null);
  /** How many were asked to end; null before somebody says yes. */
  const done = useSignal<number | null>(null);
  const failures = useSignal<readonly Failure[]>([]);
  const runs = tools.cancelling.value;

  useSignalEffect(() => {
    if (tools.cancelling.value.length === 0 || dialog.current?.open) return;
    done.value = null;
    failures.value = [];
    dialog.current?.showModal();
    // What is pressed by mistake must end nothing.
    keep.current?.focus();
  });

  async function confirmed(): Promise<void> {
    done.value = 0;
    for (const run of runs) {
      // Shut meanwhile: the others go on.
      if (tools.cancelling.peek() !== runs) return;
      try {
        changed(await cancel(run.id));
        tools.marks.set(run.id, false);
      } catch (error) {
        failures.value = [...failures.value, { run, why: (error as Error).message }];
      }
      done.value += 1;
    }
    if (failures.value.length === 0 && tools.cancelling.peek() === runs) dialog.current?.close();
  }

  const [only] = runs;
  const busy = done.value !== null && done.value < runs.length;
  const over = done.value !== null && !busy;
  return (
    <dialog
      ref={dialog}
      class="confirm"
      aria-labelledby="cancel-title"
      onClose={() => {
        tools.cancelling.value = [];
      }}
    >
      <h2 id="cancel-title">
        {over
          ? `${failures.value.length} of ${runs.length} could not be cancelled`
          : runs.length === 1 && only
            ? `Cancel ${sanitize(only.task)}?`
            : `Cancel ${withCommas(runs.length)} runs?`}
      </h2>
      {!over && runs.length === 1 && only && <p>{sanitize(endsWords(only, now))}</p>}
      {!over && runs.length > 1 && <Several runs={runs} now={now} />}
      {failures.value.length > 0 && (
        <ul class="named-runs" role="alert">
          {failures.value.map(({ run, why }) => (
            <li key={run.id}>
              <Name run={run} />: {sanitize(why)}
            </li>
          ))}
        </ul>
      )}
      <div class="tools">
        {!over && (
          <button type="button" class="danger" disabled={busy} onClick={() => void confirmed()}>
            {busy
              ? `Cancelling, ${done.value} of ${runs.length}`
              : runs.length === 1
                ? "Yes, cancel the run"
                : `Yes, cancel ${withCommas(runs.length)} runs`}
          </button>
        )}
        <button type="button" ref={keep} onClick={() => dialog.current?.close()}>
          {over
            ? "Close"
            : busy
              ? "Stop here"
              : runs.length === 1
                ? "Keep it running"
                : "Keep them running"}
        </button>
      </div>
    </dialog>
  );
}

function Several({ runs, now }: { runs: readonly Run[]; now: number }) {
  return (
    <>
      <p>
        The workers ask the processes of those that are running to stop, and kill the processes that
        do not. The output so far is kept.
      </p>
      <ul class="named-runs">
        {runs.slice(0, NAMED).map((run) => (
          <li key={run.id}>
            <Name run={run} />
            {run.first_started_ms === null
              ? ", which has not started yet"
              : `, running for ${duration(now - run.first_started_ms)}`}
          </li>
        ))}
        {runs.length > NAMED && <li>and {withCommas(runs.length - NAMED)} more</li>}
      </ul>
    </>
  );
}

function Name({ run }: { run: Run }) {
  return (
    <>
      <b>{sanitize(run.task)}</b>
      {run.title && ` ${sanitize(run.title)}`} <code>{sanitize(run.id.slice(0, 8))}</code>
    </>
  );
}

// What can be done with one run: cancel, retry, start again, download, share.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { goTo, here } from "../address";
import { cancel, downloadAddress, freshKey, Problem, type Run, retry, textAddress } from "../api";
import { copyText } from "../clipboard";
import { Icon } from "../design/icon";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { canShare, share } from "../share/dialog";
import { TellMe } from "../tell/button";
import { lacks } from "../who";
import { endsWords, isOver } from "../words";

interface Props {
  readonly run: Run;
  readonly now: number;
  readonly changed: (run: Run) => void;
}

export function Actions({ run, now, changed }: Props) {
  const problem = useSignal<Error | null>(null);
  const failed = (error: Error | null) => {
    problem.value = error;
  };
  return (
    <div class="actions">
      <div class="tools">
        {!lacks("run:start") && (
          <a class="button quiet rare" href={again(run)}>
            Start another…
          </a>
        )}
        {!lacks("log:read") && (
          <>
            <a class="button quiet rare" href={downloadAddress(run.id)} download={`${run.id}.log`}>
              Download
            </a>
            <a class="button quiet rare" href={textAddress(run.id)}>
              Plain text
            </a>
          </>
        )}
        {canShare() && (
          <button type="button" class="quiet rare" onClick={() => share(null)}>
            Share with a guest…
          </button>
        )}
        <TellMe run={run} show={() => {}} />
        <Share />
        {!isOver(run) && <Cancel run={run} now={now} changed={changed} failed={failed} />}
        {isOver(run) && <Retry run={run} changed={changed} failed={failed} />}
      </div>
      {problem.value && <ProblemNote problem={problem.value} />}
    </div>
  );
}

/** The form with this run's values. */
function again(run: Run): string {
  return here(`/#again=${encodeURIComponent(run.id)}`);
}

interface ActionProps {
  readonly run: Run;
  readonly changed: (run: Run) => void;
  readonly failed: (error: Error | null) => void;
}

function Cancel({ run, now, changed, failed }: ActionProps & { readonly now: number }) {
  const busy = useSignal(false);
  const dialog = useRef<HTMLDialogElement>(null);
  const keep = useRef<HTMLButtonElement>(null);
  function ask(): void {
    dialog.current?.showModal();
    // What is pressed by mistake must end nothing.
    keep.current?.focus();
  }
  async function confirmed(): Promise<void> {
    busy.value = true;
    failed(null);
    try {
      changed(await cancel(run.id));
    } catch (error) {
      failed(error as Error);
    }
    busy.value = false;
    dialog.current?.close();
  }
  if (run.cancel) {
    return (
      <span class="hint" role="status">
        Cancelling… The worker is stopping it.
      </span>
    );
  }
  const lacking = lacks("run:cancel");
  return (
    <>
      <button
        type="button"
        class="grave"
        disabled={lacking !== null}
        title={lacking ?? ""}
        onClick={ask}
      >
        Cancel
      </button>
      <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title">
        <h2 id="confirm-title">Cancel {sanitize(run.task)}?</h2>
        <p>{sanitize(endsWords(run, now))}</p>
        <div class="tools">
          <button
            type="button"
            class="danger"
            disabled={busy.value}
            onClick={() => void confirmed()}
          >
            Yes, cancel the run
          </button>
          <button type="button" ref={keep} onClick={() => dialog.current?.close()}>
            Keep it running
          </button>
        </div>
      </dialog>
    </>
  );
}

function Retry({ run, changed, failed }: ActionProps) {
  const busy = useSignal(false);
  const key = useSignal(freshKey());
  async function click(): Promise<void> {
    busy.value = true;
    failed(null);
    try {
      const made = await retry(run.id, key.value);
      if (made.id === run.id) changed(made);
      else goTo(made.id);
    } catch (error) {
      // Its secrets are kept nowhere: the form has the rest.
      if (error instanceof Problem && error.code === "parameters") location.assign(again(run));
      else failed(error as Error);
    }
    busy.value = false;
  }
  const lacking = lacks("run:start") ?? lacks("params:read");
  return (
    <button
      type="button"
      title={lacking ?? "Run it again with the same parameters"}
      disabled={busy.value || lacking !== null}
      onClick={() => void click()}
    >
      <Icon name="retry" />
      {busy.value ? "Starting…" : "Retry"}
    </button>
  );
}

function Share() {
  const status = useSignal("");
  async function click(): Promise<void> {
    const done = await copyText(location.href);
    status.value = done ? "Link copied" : `Copying failed. The link is ${location.href}`;
    setTimeout(() => {
      status.value = "";
    }, 5_000);
  }
  return (
    <>
      <button type="button" title="Copy the link to this page" onClick={() => void click()}>
        <Icon name="share" />
        Share
      </button>
      <span class="hint" role="status">
        {status.value}
      </span>
    </>
  );
}

// What can be done with one run: cancel, retry, start again, share, download, delete.

import { useSignal } from "@preact/signals";
import { againAddress, goTo, here } from "../address";
import {
  cancel,
  downloadAddress,
  freshKey,
  Problem,
  type Run,
  remove,
  retry,
  textAddress,
} from "../api";
import { Icon } from "../design/icon";
import { Menu } from "../design/menu";
import { sanitize } from "../sanitize";
import { TellMe } from "../tell/button";
import { lacks } from "../who";
import { endsWords, isOver } from "../words";
import { Confirm } from "./confirm";
import { Sharing } from "./sharing";

interface Props {
  readonly run: Run;
  readonly now: number;
  readonly changed: (run: Run) => void;
}

export function Actions({ run, now, changed }: Props) {
  return (
    <div class="actions">
      <div class="tools">
        <TellMe run={run} show={() => {}} />
        <Sharing run={run} />
        {isOver(run) ? (
          <Retry run={run} changed={changed} />
        ) : (
          <Cancel run={run} now={now} changed={changed} />
        )}
        <More run={run} />
      </div>
    </div>
  );
}

interface ActionProps {
  readonly run: Run;
  readonly changed: (run: Run) => void;
}

function Cancel({ run, now, changed }: Props) {
  const asked = useSignal(false);
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
        onClick={() => {
          asked.value = true;
        }}
      >
        Cancel
      </button>
      {asked.value && (
        <Confirm
          title={`Cancel ${sanitize(run.task)}?`}
          yes="Yes, cancel the run"
          no={run.state === "running" ? "Keep it running" : "Let it wait"}
          grave
          act={async () => changed(await cancel(run.id))}
          closed={() => {
            asked.value = false;
          }}
        >
          <p>{sanitize(endsWords(run, now))}</p>
        </Confirm>
      )}
    </>
  );
}

function Retry({ run, changed }: ActionProps) {
  const asked = useSignal(false);
  const key = useSignal(freshKey());
  async function confirmed(): Promise<void> {
    try {
      const made = await retry(run.id, key.value);
      if (made.id === run.id) changed(made);
      else goTo(made.id);
    } catch (error) {
      // Its secrets are kept nowhere: the form has the rest.
      if (error instanceof Problem && error.code === "parameters")
        location.assign(againAddress(run.id));
      else throw error;
    }
  }
  const lacking = lacks("run:start") ?? lacks("params:read");
  return (
    <>
      <button
        type="button"
        title={lacking ?? "Run it again with the same parameters"}
        disabled={lacking !== null}
        onClick={() => {
          asked.value = true;
        }}
      >
        <Icon name="retry" />
        Retry
      </button>
      {asked.value && (
        <Confirm
          title={`Run ${sanitize(run.task)} again?`}
          yes="Yes, run it again"
          no="Not now"
          act={confirmed}
          closed={() => {
            asked.value = false;
          }}
        >
          <p>
            A new run starts with the same parameters. If some of them are secret, the form opens
            with the others. This run stays as it is.
          </p>
        </Confirm>
      )}
    </>
  );
}

function More({ run }: { run: Run }) {
  const asked = useSignal(false);
  const canStart = !lacks("run:start");
  const canRead = !lacks("log:read");
  const canDelete = isOver(run) && !lacks("run:delete");
  if (!canStart && !canRead && !canDelete) return null;
  return (
    <>
      <Menu
        class="offers more"
        title="More actions"
        opener={
          <>
            <Icon name="more" />
            <span class="unseen">More actions</span>
          </>
        }
      >
        {canStart && <a href={againAddress(run.id)}>Run again with changes…</a>}
        {canRead && (
          <>
            <a href={downloadAddress(run.id)} download={`${run.id}.log`}>
              Download
            </a>
            <a href={textAddress(run.id)}>Plain text</a>
          </>
        )}
        {canDelete && (
          <button
            type="button"
            class="grave"
            onClick={() => {
              asked.value = true;
            }}
          >
            Delete…
          </button>
        )}
      </Menu>
      {asked.value && (
        <Confirm
          title={`Delete this run of ${sanitize(run.task)}?`}
          yes="Yes, delete it"
          no="Keep it"
          grave
          act={async () => {
            await remove(run.id);
            location.assign(here("/"));
          }}
          closed={() => {
            asked.value = false;
          }}
        >
          <p>Its record and its whole log are deleted, for everybody. Nothing brings them back.</p>
        </Confirm>
      )}
    </>
  );
}

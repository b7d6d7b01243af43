// What can be done with one run of the list.

import { againAddress, runAddress, watchAddress } from "../address";
import type { Run } from "../api";
import { Icon } from "../design/icon";
import { Menu } from "../design/menu";
import { sanitize } from "../sanitize";
import { hasNotifications } from "../tell/notice";
import { isWanted } from "../tell/told";
import { lacks } from "../who";
import { isOver } from "../words";
import type { Tools } from "./tools";

export function RowMenu({ run, tools }: { run: Run; tools: Tools }) {
  const opener = (
    <>
      <Icon name="more" />
      <span class="unseen">What to do with {sanitize(run.task)}</span>
    </>
  );
  return (
    <Menu class="more" title="What to do with this run" opener={opener}>
      <Items run={run} tools={tools} />
    </Menu>
  );
}

function Items({ run, tools }: { run: Run; tools: Tools }) {
  const startable = !lacks("run:start");
  return (
    <>
      <a href={runAddress(run.id)}>Open</a>
      {!lacks("log:read") && <a href={watchAddress([run.id])}>Watch</a>}
      <button
        type="button"
        onClick={() => {
          void tools.copy("Link", new URL(runAddress(run.id), location.href).href);
        }}
      >
        Copy link
      </button>
      <button type="button" onClick={() => void tools.copy("Id", run.id)}>
        Copy id
      </button>
      {!isOver(run) && hasNotifications() && (
        <button type="button" onClick={() => void tools.tell(run)}>
          {isWanted(run.id) ? "Do not tell me when it ends" : "Tell me when it ends"}
        </button>
      )}
      {isOver(run) && startable && !lacks("params:read") && (
        <button type="button" onClick={() => void tools.retry(run)}>
          Retry
        </button>
      )}
      {startable && <a href={againAddress(run.id)}>Run again with changes…</a>}
      {!isOver(run) && !run.cancel && !lacks("run:cancel") && (
        <button
          type="button"
          class="grave"
          onClick={() => {
            tools.cancelling.value = [run];
          }}
        >
          Cancel…
        </button>
      )}
    </>
  );
}

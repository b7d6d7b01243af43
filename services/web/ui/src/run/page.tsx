// The page of one run: what is known about it, its log, and what can be claimed of it.

import "../log/drawing/log.css";
import "../log/drawing/rows.css";
import "../log/drawing/print.css";
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { ahead } from "../clock";
import { ConnectionChip } from "../connection";
import type { Follow } from "../log/follow";
import { LogFooter } from "../log/footer";
import { Help } from "../log/help";
import { alone } from "../log/place";
import { LogToolbar } from "../log/toolbar";
import { withCommas } from "../numbers";
import { PortForwardNote } from "../portforward";
import { LogLines } from "../reading/lines";
import { denied, gone as goneWith, isLogOnly, useReading } from "../reading/run";
import { Replaced, Trouble } from "../reading/trouble";
import { canShare, ShareDialog, share } from "../share/dialog";
import { connectionWords, stands, type Tail } from "../socket";
import { duration } from "../time";
import { Top } from "../top";
import { type Earlier, earlierThan } from "./earlier";
import { Header } from "./header";
import { Missing } from "./missing";
import { Rail } from "./rail";
import { tabIcon, tabTitle } from "./tab";

/** From this much silence on the page says how long there was no output. */
const SILENCE_MS = 60_000;

export function RunPage({ tail, runId }: { tail: Tail; runId: string }) {
  const reading = useReading(tail, runId, alone);
  const { record, now } = reading;
  const open = useSignal(false);
  const earlier = useSignal<Earlier | null>(null);

  useSignalEffect(() => {
    const missing = goneWith(reading);
    if (missing) {
      document.title = `${missing.title} · Runtail`;
      return;
    }
    if (!record.value) return;
    const shown = reading.log.value;
    document.title = tabTitle(
      record.value,
      shown?.follow.live.value ?? null,
      shown?.model.newLines.value ?? 0,
    );
  });

  useSignalEffect(() => {
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (record.value && icon) icon.href = tabIcon(record.value.state);
  });

  // Once: what came before it stays as it is.
  const known = useComputed(() => record.value !== null);
  useSignalEffect(() => {
    const run = record.peek();
    if (!known.value || !run) return;
    void earlierThan(run).then((found) => {
      earlier.value = found;
    });
  });

  const gone = goneWith(reading);
  const logOnly = isLogOnly(reading);
  const log = reading.log.value;
  const follow = log?.follow;
  const why = denied(follow);
  const missing = why ? null : gone;
  return (
    <main class={`page${log?.full.value ? " full" : ""}${open.value ? " open" : ""}`}>
      <Top place={gone ? "" : (record.value?.task ?? "run")}>
        {!missing && (
          <ConnectionChip
            tail={tail}
            over={follow?.phase.value.name === "over" || follow?.phase.value.name === "refused"}
            {...words(tail, follow, now.value + ahead.value)}
          />
        )}
      </Top>
      <PortForwardNote tail={tail} />
      {missing ? (
        <Missing runId={runId} problem={missing} />
      ) : (
        (gone || !record.value) && <h1 class="unseen">{gone ? gone.title : "Run"}</h1>
      )}
      {!missing && <Trouble reading={reading} />}
      {record.value && !gone && !logOnly && (
        <Header
          run={record.value}
          usual={earlier.value?.usual ?? null}
          now={now.value}
          changed={(run) => {
            record.value = run;
          }}
          log={log}
          open={open.value}
          opened={(wanted) => {
            open.value = wanted;
          }}
        />
      )}
      <Replaced reading={reading} />
      <div class="body">
        <div class="pane">
          {log && !gone && <LogToolbar log={log} />}
          <LogLines reading={reading} />
        </div>
        {record.value && !gone && (
          <Rail
            log={log}
            run={record.value}
            good={earlier.value?.good ?? null}
            now={now.value}
            chosen={() => {
              open.value = false;
            }}
          />
        )}
      </div>
      {log && <LogFooter log={log} runId={runId} share={canShare() ? share : null} />}
      {log && <Help log={log} />}
      {record.value && <ShareDialog run={record.value} />}
    </main>
  );
}

/** The chip's words: about the run's log rather than about the socket, where there are any. */
function words(tail: Tail, follow: Follow | undefined, now: number) {
  const connection = tail.connection.value;
  if (!follow) return {};
  const phase = follow.phase.value;
  if (phase.name === "over") return { words: "Ended" };
  if (phase.name === "refused") return { words: phase.why };
  const shown = follow.range.value.next - 1;
  if (!stands(connection)) {
    const stand = `The lines up to ${withCommas(shown)} are still here.`;
    const said = connectionWords(connection, now);
    if (phase.name === "http" && connection.state !== "offline") {
      return { words: `${said} Reading over HTTP meanwhile.` };
    }
    return shown > 0 ? { words: `${said} ${stand}` } : {};
  }
  if (phase.name !== "live") return { words: "Opening the log…" };
  const silence = now - follow.lastHeard.value;
  if (silence >= SILENCE_MS) return { words: `Live · no output for ${duration(silence)}` };
  return { words: "Live" };
}

// The page of one run: what is known about it, its log, and what can be claimed of it.

import "../log/drawing/log.css";
import "../log/drawing/rows.css";
import "../log/drawing/print.css";
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Problem, type Run, run as readRun } from "../api";
import { ahead, serverNow } from "../clock";
import { ConnectionChip } from "../connection";
import { LogController } from "../log/controller";
import type { Follow } from "../log/follow";
import { LogFooter } from "../log/footer";
import { Help } from "../log/help";
import { LogToolbar } from "../log/toolbar";
import { withCommas } from "../numbers";
import { PortForwardNote } from "../portforward";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { canShare, ShareDialog, share } from "../share/dialog";
import { connectionWords, stands, type Tail } from "../socket";
import { duration } from "../time";
import { Top } from "../top";
import { isOver, waitingWords } from "../words";
import { Header } from "./header";
import { Rail } from "./rail";

const REFETCH_MS = 10_000;
const FORBIDDEN = 403;
const MISSING = 404;
/** From this much silence on the page says how long there was no output. */
const SILENCE_MS = 60_000;

export function RunPage({ tail, runId }: { tail: Tail; runId: string }) {
  const record = useSignal<Run | null>(null);
  const problem = useSignal<Error | null>(null);
  const now = useSignal(serverNow());
  const view = useSignal<LogController | null>(null);
  const open = useSignal(false);
  const scroller = useRef<HTMLElement>(null);

  async function fetchRecord(): Promise<void> {
    try {
      const read = await readRun(runId);
      // The answer told the server's time.
      now.value = serverNow();
      record.value = read;
      problem.value = null;
    } catch (error) {
      problem.value = error as Error;
    }
  }

  useEffect(() => {
    if (!scroller.current) return;
    view.value = new LogController(runId, tail, scroller.current);
    void fetchRecord();
    const refetch = setInterval(() => {
      if (denied(view.peek()?.follow) || statusOf(problem.value) === FORBIDDEN) return;
      if (!record.value || !isOver(record.value)) void fetchRecord();
    }, REFETCH_MS);
    const tick = setInterval(() => {
      now.value = serverNow();
    }, 1_000);
    return () => {
      clearInterval(refetch);
      clearInterval(tick);
    };
  }, []);

  useSignalEffect(() => {
    if (!record.value) return;
    const unseen = view.value?.model.newLines.value ?? 0;
    const news = unseen > 0 ? `(+${withCommas(unseen)}) ` : "";
    document.title = `${news}${sanitize(record.value.task)} · ${record.value.state} · Runtail`;
  });

  useSignalEffect(() => {
    view.value?.model.startedAt(record.value?.first_started_ms ?? null);
  });

  // An event entry says that the record changed.
  useSignalEffect(() => {
    if (view.value && view.value.follow.changes.value > 0) void fetchRecord();
  });

  // There is no such run, or there is none any more.
  useSignalEffect(() => {
    if (view.value?.follow.phase.value.name === "refused") void fetchRecord();
  });

  const gone = statusOf(problem.value) === MISSING ? (problem.value as Problem) : null;
  // Who may read the log and not the run.
  const logOnly = statusOf(problem.value) === FORBIDDEN;
  const log = view.value;
  const follow = log?.follow;
  const why = denied(follow);
  const label = `Log of run ${sanitize(runId)}`;
  return (
    <main class={`page${log?.full.value ? " full" : ""}${open.value ? " open" : ""}`}>
      <Top place={record.value?.task ?? "run"}>
        <ConnectionChip
          tail={tail}
          over={follow?.phase.value.name === "over" || follow?.phase.value.name === "refused"}
          {...(gone && !why
            ? { words: gone.title }
            : words(tail, follow, record.value, now.value + ahead.value))}
        />
      </Top>
      <PortForwardNote tail={tail} />
      {(gone || !record.value) && <h1 class="unseen">{gone ? gone.title : "Run"}</h1>}
      {why && (
        <p class="problem" role="alert">
          {sanitize(why)} What follows is what you had seen. Ask whoever grants rights here.
        </p>
      )}
      {logOnly && !why && (
        <p class="note">You may read the log of this run, and not the rest of its record.</p>
      )}
      {problem.value && !logOnly && !why && (gone || !record.value) && (
        <ProblemNote problem={problem.value} retry={() => void fetchRecord()} />
      )}
      {record.value && !gone && !logOnly && (
        <Header
          run={record.value}
          now={now.value}
          changed={(run) => {
            record.value = run;
          }}
          open={open.value}
          opened={(wanted) => {
            open.value = wanted;
          }}
        />
      )}
      {follow?.resetReason.value && !gone && (
        <p class="problem" role="alert">
          The log was replaced: {sanitize(follow.resetReason.value.replace(/\.$/, ""))}. Below is
          the log as it is now.
        </p>
      )}
      <div class="body">
        <div class="pane">
          {log && !gone && <LogToolbar log={log} />}
          {follow && <Empty follow={follow} run={gone ? null : record.value} />}
          <div class="frame">
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
            <section class="log" ref={scroller} tabIndex={0} aria-label={label} />
          </div>
        </div>
        {record.value && !gone && (
          <Rail
            log={log}
            run={record.value}
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

function statusOf(problem: Error | null): number | null {
  return problem instanceof Problem ? problem.status : null;
}

/** Why the right to read the run is gone; empty if it is not. */
function denied(follow: Follow | undefined): string {
  const phase = follow?.phase.value;
  return phase?.name === "refused" && phase.denied ? phase.why : "";
}

/** The chip's words: about the run's log rather than about the socket, where there are any. */
function words(tail: Tail, follow: Follow | undefined, run: Run | null, now: number) {
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
  if (run?.state === "queued") return { words: waitingWords(run) };
  const silence = now - follow.lastHeard.value;
  if (silence >= SILENCE_MS) return { words: `Live · no output for ${duration(silence)}` };
  return { words: "Live" };
}

function Empty({ follow, run }: { follow: Follow; run: Run | null }) {
  if (follow.range.value.next > 1 || follow.live.value || !run || run.lines > 0) return null;
  return <p class="note empty">{emptyWords(follow, run)}</p>;
}

function emptyWords(follow: Follow, run: Run): string {
  if (follow.phase.value.name === "over") return "This run printed nothing.";
  if (run.state === "queued") return sanitize(waitingWords(run));
  return "No output yet.";
}

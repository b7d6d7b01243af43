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
import { connectionWords, type Tail } from "../socket";
import { duration } from "../time";
import { Top } from "../top";
import { isOver, waitingWords } from "../words";
import { Header } from "./header";

const REFETCH_MS = 10_000;
/** From this much silence on the page says how long there was no output. */
const SILENCE_MS = 60_000;

export function RunPage({ tail, runId }: { tail: Tail; runId: string }) {
  const record = useSignal<Run | null>(null);
  const problem = useSignal<Error | null>(null);
  const now = useSignal(serverNow());
  const view = useSignal<LogController | null>(null);
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

  const missing = problem.value instanceof Problem && problem.value.status === 404;
  const gone = missing ? (problem.value as Problem) : null;
  const log = view.value;
  const follow = log?.follow;
  const label = `Log of run ${sanitize(runId)}`;
  return (
    <main class={log?.full.value ? "page full" : "page"}>
      <Top place={record.value?.task ?? "run"}>
        <ConnectionChip
          tail={tail}
          over={follow?.phase.value.name === "over" || follow?.phase.value.name === "refused"}
          {...(gone
            ? { words: gone.title }
            : words(tail, follow, record.value, now.value + ahead.value))}
        />
      </Top>
      <PortForwardNote tail={tail} />
      {(gone || !record.value) && <h1 class="unseen">{gone ? gone.title : "Run"}</h1>}
      {problem.value && (gone || !record.value) && (
        <ProblemNote problem={problem.value} retry={() => void fetchRecord()} />
      )}
      {record.value && !gone && (
        <Header
          run={record.value}
          now={now.value}
          changed={(run) => {
            record.value = run;
          }}
        />
      )}
      {follow?.resetReason.value && !gone && (
        <p class="problem" role="alert">
          The log was replaced: {sanitize(follow.resetReason.value.replace(/\.$/, ""))}. Below is
          the log as it is now.
        </p>
      )}
      {log && !gone && <LogToolbar log={log} />}
      {follow && <Empty follow={follow} run={gone ? null : record.value} />}
      <div class="frame">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <section class="log" ref={scroller} tabIndex={0} aria-label={label} />
      </div>
      {log && <LogFooter log={log} runId={runId} />}
      {log && <Help log={log} />}
    </main>
  );
}

/** The chip's words: about the run's log rather than about the socket, where there are any. */
function words(tail: Tail, follow: Follow | undefined, run: Run | null, now: number) {
  const connection = tail.connection.value;
  if (!follow) return {};
  const phase = follow.phase.value;
  if (phase.name === "over") return { words: "Ended" };
  if (phase.name === "refused") return { words: phase.why };
  const shown = follow.range.value.next - 1;
  if (connection.state !== "connected") {
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
  if (follow.range.value.next > 1 || follow.live.value || !run) return null;
  return <p class="note empty">{emptyWords(follow, run)}</p>;
}

function emptyWords(follow: Follow, run: Run): string {
  if (follow.phase.value.name === "over") return "This run printed nothing.";
  if (run.state === "queued") return run.why ? sanitize(run.why) : "Waiting for a worker.";
  return "No output yet.";
}

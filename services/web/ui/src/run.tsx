// The page of one run: what is known about it, its log, and what can be claimed of it.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { downloadAddress, Problem, type Run, run as readRun } from "./api";
import { ConnectionChip } from "./connection";
import { Header } from "./header";
import { Follow } from "./log/follow";
import { List } from "./log/list";
import { visible } from "./log/visible";
import { ProblemNote } from "./problem";
import { grouped } from "./protocol/view";
import { connectionWords, type Tail } from "./socket";
import { duration } from "./time";
import { isOver, waitingWords } from "./words";

const REFETCH_MS = 10_000;
const EARLIER_LINES = 2_000;
/** From this much silence on the page says how long there was no output. */
const SILENCE_MS = 60_000;

export function RunPage({ tail, runId }: { tail: Tail; runId: string }) {
  const record = useSignal<Run | null>(null);
  const problem = useSignal<Error | null>(null);
  const now = useSignal(Date.now());
  const parts = useSignal<{ follow: Follow; list: List } | null>(null);
  const scroller = useRef<HTMLElement>(null);
  const rows = useRef<HTMLDivElement>(null);

  async function fetchRecord(): Promise<void> {
    try {
      record.value = await readRun(runId);
      problem.value = null;
    } catch (error) {
      problem.value = error as Error;
    }
  }

  useEffect(() => {
    if (!scroller.current || !rows.current) return;
    const list = new List(scroller.current, rows.current);
    parts.value = { list, follow: new Follow(runId, tail, list) };
    void fetchRecord();
    const refetch = setInterval(() => {
      if (!record.value || !isOver(record.value)) void fetchRecord();
    }, REFETCH_MS);
    const tick = setInterval(() => {
      now.value = Date.now();
    }, 1_000);
    return () => {
      clearInterval(refetch);
      clearInterval(tick);
    };
  }, []);

  useSignalEffect(() => {
    if (record.value) document.title = `${record.value.task} · ${record.value.state} · Runtail`;
  });

  // An event entry says that the record changed.
  useSignalEffect(() => {
    if (parts.value && parts.value.follow.changes.value > 0) void fetchRecord();
  });
  useSignalEffect(() => {
    void parts.value?.follow.live.value;
    requestAnimationFrame(() => parts.value?.list.settle());
  });

  const { follow, list } = parts.value ?? {};
  return (
    <div class="page">
      <header class="top">
        <a href="/">Runtail</a>
        <ConnectionChip tail={tail} {...words(tail, follow, record.value, now.value)} />
      </header>
      {problem.value && !record.value && (
        <ProblemNote problem={problem.value} retry={() => void fetchRecord()} />
      )}
      {record.value && (
        <Header
          run={record.value}
          now={now.value}
          changed={(run) => {
            record.value = run;
          }}
        />
      )}
      {follow?.resetWhy.value && (
        <p class="problem" role="alert">
          What was shown is void: {follow.resetWhy.value}. What follows is the log as it stands now.
        </p>
      )}
      {follow?.verdict.value && (
        <VerdictBar text={follow.verdict.value.text} ok={follow.verdict.value.verified} />
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="log" ref={scroller} tabIndex={0} aria-label="Log">
        {follow && list && <Earlier follow={follow} list={list} runId={runId} />}
        <div class="rows" ref={rows} />
        {follow && <Live follow={follow} />}
        {follow && <Empty follow={follow} run={record.value} />}
      </section>
      {list && !list.following.value && (
        <button type="button" class="follow" onClick={() => list.toEnd()}>
          {followWords(list.unseen.value, follow?.phase.value.name === "over")}
        </button>
      )}
    </div>
  );
}

function followWords(unseen: number, over: boolean): string {
  const word = over ? "To the end" : "Follow";
  return unseen > 0 ? `${word} · ${grouped(unseen)} new rows` : word;
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
    const stand = `Shown lines stand, up to ${grouped(shown)}.`;
    const said = connectionWords(connection, now);
    if (phase.name === "http") {
      return { words: `WebSockets do not get through; reading over HTTP, a little later. ${said}` };
    }
    return shown > 0 ? { words: `${said} ${stand}` } : {};
  }
  if (phase.name !== "live") return { words: "Connected, opening the log…" };
  if (run?.state === "queued") return { words: waitingWords(run) };
  const silence = now - follow.lastHeard.value;
  if (silence >= SILENCE_MS) return { words: `Live · no output for ${duration(silence)}` };
  return { words: "Live" };
}

function VerdictBar({ text, ok }: { text: string; ok: boolean }) {
  return (
    <p class={ok ? "verdict ok" : "verdict bad"} role="status">
      <span aria-hidden="true">{ok ? "✓" : "⚠"}</span> {text}
      {!ok && ". Please report this."}
    </p>
  );
}

function Earlier({ follow, list, runId }: { follow: Follow; list: List; runId: string }) {
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);
  const { from } = follow.range.value;
  const first = list.first.value || from;
  if (first <= 1) return null;
  async function load(): Promise<void> {
    busy.value = true;
    problem.value = null;
    try {
      await follow.earlier(EARLIER_LINES);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.value = error;
    }
    busy.value = false;
  }
  return (
    <p class="earlier">
      Lines 1-{grouped(first - 1)} are not shown here.{" "}
      {first === from ? (
        <button type="button" disabled={busy.value} onClick={() => void load()}>
          {busy.value
            ? "Loading…"
            : `Load ${grouped(Math.min(EARLIER_LINES, from - 1))} earlier lines`}
        </button>
      ) : (
        <span>They were checked and left the page; reload it to load them again.</span>
      )}{" "}
      <a href={downloadAddress(runId)} download={`${runId}.log`}>
        Download all
      </a>
      {problem.value && <ProblemNote problem={problem.value} />}
    </p>
  );
}

function Live({ follow }: { follow: Follow }) {
  const live = follow.live.value;
  if (live === null) return null;
  const value = live.progress?.value;
  return (
    <div class="row live">
      <span class="number" aria-hidden="true">
        …
      </span>
      <span class="text">
        {live.progress && (
          <>
            <progress max={1} {...(value === undefined ? {} : { value })} /> {
              live.progress.text
            }{" "}
          </>
        )}
        {visible(live.text)}
      </span>
    </div>
  );
}

function Empty({ follow, run }: { follow: Follow; run: Run | null }) {
  if (follow.range.value.next > 1 || follow.live.value || !run) return null;
  if (follow.phase.value.name === "over") return <p class="note">This run printed nothing.</p>;
  if (run.state === "queued") return <p class="note">{run.why || "Waiting for a worker."}</p>;
  return <p class="note">No output yet.</p>;
}

// The list of runs: refetched on connect and every 10 s, changed live in between.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Run, runs, type Task, tasks } from "./api";
import { ConnectionChip } from "./connection";
import { ProblemNote } from "./problem";
import { VERSION } from "./protocol/entry";
import type { Tail } from "./socket";
import { StartButton, StartForm } from "./start";
import { StateChip } from "./state";
import { stamp } from "./time";
import { sinceWords } from "./words";

const REFETCH_MS = 10_000;

/** The changed run in its place, or on top when it is new. */
export function merged(list: readonly Run[], run: Run): Run[] {
  const at = list.findIndex(({ id }) => id === run.id);
  if (at < 0) return [run, ...list];
  return list.with(at, run);
}

export function RunsPage({ tail }: { tail: Tail }) {
  const list = useSignal<readonly Run[] | null>(null);
  const next = useSignal<string | null>(null);
  const catalogue = useSignal<readonly Task[] | null>(null);
  const problem = useSignal<Error | null>(null);
  const now = useSignal(Date.now());
  const connection = useComputed(() => tail.connection.value);

  async function fetchAll(): Promise<void> {
    try {
      const [page, published] = await Promise.all([runs(), tasks()]);
      list.value = page.runs;
      next.value = page.next;
      catalogue.value = published.tasks;
      problem.value = null;
    } catch (error) {
      // The list never empties on an error.
      problem.value = error as Error;
    }
  }

  async function fetchMore(cursor: string): Promise<void> {
    try {
      const page = await runs(cursor);
      const known = new Set(list.value?.map(({ id }) => id));
      list.value = [...(list.value ?? []), ...page.runs.filter(({ id }) => !known.has(id))];
      next.value = page.next;
    } catch (error) {
      problem.value = error as Error;
    }
  }

  useEffect(() => {
    void fetchAll();
    const refetch = setInterval(() => void fetchAll(), REFETCH_MS);
    const tick = setInterval(() => {
      now.value = Date.now();
    }, 1_000);
    const changed = (message: { run?: Run }) => {
      if (!message.run || !list.value) return;
      list.value = merged(list.value, message.run);
      // Why it waits is known to the API only: it looks at the workers.
      if (message.run.state === "queued") void fetchAll();
    };
    tail.socket.on("run", changed);
    return () => {
      clearInterval(refetch);
      clearInterval(tick);
      tail.socket.off("run", changed);
    };
  }, []);

  useSignalEffect(() => {
    if (connection.value.state !== "connected") return;
    tail.socket.emit("subscribe", { v: VERSION, runs: true }, () => void fetchAll());
  });

  return (
    <>
      <header class="top">
        <h1>Runtail</h1>
        <ConnectionChip tail={tail} />
      </header>
      <main>
        {catalogue.value?.length === 0 && (
          <p class="note">No task is published. Is a worker running?</p>
        )}
        {catalogue.value && <StartButton tasks={catalogue.value} />}
        {catalogue.value && <StartForm tasks={catalogue.value} />}
        <h2>Runs</h2>
        {problem.value && <ProblemNote problem={problem.value} retry={() => void fetchAll()} />}
        <Table list={list.value} now={now.value} />
        {next.value && (
          <button type="button" onClick={() => void fetchMore(next.value ?? "")}>
            Older runs
          </button>
        )}
      </main>
    </>
  );
}

function Table({ list, now }: { list: readonly Run[] | null; now: number }) {
  if (list === null) return null;
  if (list.length === 0) return <p class="note">No runs yet.</p>;
  return (
    <table class="runs">
      <thead>
        <tr>
          <th>State</th>
          <th>Run</th>
          <th>Why</th>
          <th>Since</th>
          <th>Created</th>
        </tr>
      </thead>
      <tbody>
        {list.map((run) => (
          <tr key={run.id}>
            <td>
              <StateChip state={run.state} />
            </td>
            <td>
              <a href={`/runs/${encodeURIComponent(run.id)}`}>
                {run.task} <span class="id">{run.id}</span>
              </a>
            </td>
            <td class="why">{run.why}</td>
            <td>{sinceWords(run, now)}</td>
            <td>{stamp(run.created_ms)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

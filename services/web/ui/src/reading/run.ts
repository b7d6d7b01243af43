// One run as it is read: its record, fetched as often as it changes, and its log.

import { type ReadonlySignal, type Signal, useSignal, useSignalEffect } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Problem, type Run, run as readRun } from "../api";
import { serverNow } from "../clock";
import { LogController } from "../log/controller";
import type { Follow } from "../log/follow";
import type { Place } from "../log/place";
import type { Tail } from "../socket";
import { isOver } from "../words";
import { isSilent, type Standing } from "./silence";

const REFETCH_MS = 10_000;
const FORBIDDEN = 403;
const MISSING = 404;

export interface Reading {
  readonly runId: string;
  /** Null until the first answer. */
  readonly record: Signal<Run | null>;
  readonly problem: ReadonlySignal<Error | null>;
  /** The server's time, in ms since 1970. */
  readonly now: ReadonlySignal<number>;
  /** Null until it has an element. */
  readonly log: ReadonlySignal<LogController | null>;
  /** The element in which the log scrolls. */
  readonly scroller: RefObject<HTMLElement | null>;
  readonly fetchRecord: () => Promise<void>;
}

/** Read a run for as long as the component is shown. `place`: made with the signal that tells its log that it is not any more. */
export function useReading(
  tail: Tail,
  runId: string,
  place: (closed: AbortSignal) => Place,
): Reading {
  const record = useSignal<Run | null>(null);
  const problem = useSignal<Error | null>(null);
  const now = useSignal(serverNow());
  const log = useSignal<LogController | null>(null);
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
    const closing = new AbortController();
    log.value = new LogController(runId, tail, scroller.current, place(closing.signal));
    void fetchRecord();
    let before: Standing | null = null;
    const refetch = setInterval(async () => {
      if (denied(log.peek()?.follow) || statusOf(problem.value) === FORBIDDEN) return;
      if (record.value && isOver(record.value)) return;
      await fetchRecord();
      const standing = standingOf(record.peek(), log.peek()?.follow);
      if (standing && tail.storeAnswers.peek() && isSilent(before, standing)) tail.giveUp();
      before = standing;
    }, REFETCH_MS);
    const tick = setInterval(() => {
      now.value = serverNow();
    }, 1_000);
    return () => {
      clearInterval(refetch);
      clearInterval(tick);
      closing.abort();
    };
  }, []);

  useSignalEffect(() => {
    log.value?.model.startedAt(record.value?.first_started_ms ?? null);
  });

  // An event entry says that the record changed.
  useSignalEffect(() => {
    if (log.value && log.value.follow.changes.value > 0) void fetchRecord();
  });

  // There is no such run, or there is none any more.
  useSignalEffect(() => {
    if (log.value?.follow.phase.value.name === "refused") void fetchRecord();
  });

  return { runId, record, problem, now, log, scroller, fetchRecord };
}

/** Null while the relay is not asked for the log. */
function standingOf(run: Run | null, follow: Follow | undefined): Standing | null {
  if (!run || follow?.phase.peek().name !== "live") return null;
  return { written: run.lines, shown: follow.range.peek().next - 1 };
}

/** There is no such run: what the server says of it. */
export function gone({ problem }: Reading): Problem | null {
  return statusOf(problem.value) === MISSING ? (problem.value as Problem) : null;
}

/** The reader may read the log and not the run. */
export function isLogOnly({ problem }: Reading): boolean {
  return statusOf(problem.value) === FORBIDDEN;
}

function statusOf(problem: Error | null): number | null {
  return problem instanceof Problem ? problem.status : null;
}

/** Why the right to read the run is gone; empty if it is not. */
export function denied(follow: Follow | undefined): string {
  const phase = follow?.phase.value;
  return phase?.name === "refused" && phase.denied ? phase.why : "";
}

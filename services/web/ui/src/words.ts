// A run in words. Pure.

import type { Run } from "./api";
import { duration, lasted } from "./time";

export function isOver(run: Run): boolean {
  return run.state !== "queued" && run.state !== "running";
}

/** Since when it stands there, or how long it took. `now` in ms since 1970. */
export function sinceWords(run: Run, now: number): string {
  if (!isOver(run)) return `for ${duration(now - run.since_ms)}`;
  const { started_ms: started, finished_ms: finished } = run;
  if (finished === null) return "";
  const ago = `${duration(now - finished)} ago`;
  return started === null ? ago : `${ago}, took ${lasted(finished - started)}`;
}

/** How the process ended, where that says more than the state. */
export function exitWords(run: Run): string | null {
  if (run.signal !== null) return `ended by signal ${run.signal}`;
  if (run.exit_status !== null) return `exit status ${run.exit_status}`;
  return null;
}

/** Why a queued run waits; the server's reason may begin with the word itself. */
export function waitingWords(run: Run): string {
  const reason = run.why.replace(/^waiting:? */i, "");
  return reason ? `Waiting: ${reason}` : "Waiting for a worker";
}

/** How long it runs or ran; empty while it waits. `now` in ms since 1970. */
export function tookWords(run: Run, now: number): string {
  const { started_ms: started, finished_ms: finished } = run;
  if (started === null) return "";
  if (finished !== null) return lasted(finished - started);
  return isOver(run) ? "" : duration(now - started);
}

/** The exit of a run, as short as a list wants it. */
export function exitMark(run: Run): string {
  if (run.signal !== null) return `signal ${run.signal}`;
  return run.exit_status === null ? "" : String(run.exit_status);
}

/** What a cancellation would end. */
export function endsWords(run: Run, now: number): string {
  if (run.state === "queued") {
    return "It has not started yet, and no worker will run it.";
  }
  const where = run.worker ? ` on ${run.worker}` : "";
  const since = run.started_ms === null ? "" : ` for ${duration(now - run.started_ms)}`;
  return (
    `It has been running${since}${where}. Its process, and every process that it started, is asked ` +
    "to end and then killed. What it has written so far stays."
  );
}

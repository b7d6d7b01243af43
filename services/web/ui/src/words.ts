// A run in words. Pure.

import type { Run } from "./api";
import { duration, lasted } from "./time";

export function isOver(run: Run): boolean {
  return run.state !== "queued" && run.state !== "running";
}

/** For how long it has been in its state, or how long all its attempts took. `now` in ms since 1970. */
export function sinceWords(run: Run, now: number): string {
  const { first_started_ms: began, finished_ms: finished, attempt } = run;
  if (!isOver(run)) {
    const since = `for ${duration(now - run.since_ms)}`;
    return attempt > 1 && began !== null ? `${since}, ${duration(now - began)} in total` : since;
  }
  if (finished === null) return "";
  const ago = `${duration(now - finished)} ago`;
  if (began === null) return ago;
  const attempts = attempt > 1 ? ` in ${attempt} attempts` : "";
  return `${ago}, took ${lasted(finished - began)}${attempts}`;
}

/** The number of the last attempt, and how long that took if there were others. `now` in ms since 1970. */
export function attemptWords(run: Run, now: number): string {
  const { attempt, started_ms: began, finished_ms: finished } = run;
  if (attempt === 0) return "none yet";
  if (attempt === 1 || began === null) return String(attempt);
  if (finished !== null) return `${attempt} (took ${lasted(finished - began)})`;
  return run.state === "running" ? `${attempt} (for ${duration(now - began)})` : String(attempt);
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

/** How long it has been running or ran, with all its attempts, in ms; null before it began, and if that is not known. */
export function tookMs(run: Run, now: number): number | null {
  const { first_started_ms: started, finished_ms: finished } = run;
  if (started === null) return null;
  if (finished !== null) return finished - started;
  return isOver(run) ? null : Math.max(0, now - started);
}

/** The exit of a run, as short as a list wants it. */
export function exitMark(run: Run): string {
  if (run.signal !== null) return `signal ${run.signal}`;
  return run.exit_status === null ? "" : String(run.exit_status);
}

/** What a cancellation would end. */
export function endsWords(run: Run, now: number): string {
  if (run.state === "queued") {
    return "It has not started yet. No worker will run it.";
  }
  const where = run.worker ? ` on ${run.worker}` : "";
  const began = run.first_started_ms;
  const since = began === null ? "" : ` for ${duration(now - began)}`;
  return (
    `It has been running${since}${where}. The worker asks its process, and every process that it started, ` +
    "to stop, and kills those that do not. The output so far is kept."
  );
}

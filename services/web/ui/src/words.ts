// A run in words. Pure.

import type { Run } from "./api";
import { duration } from "./time";

export function isOver(run: Run): boolean {
  return run.state !== "queued" && run.state !== "running";
}

/** Since when it stands there, or how long it took. `now` in ms since 1970. */
export function sinceWords(run: Run, now: number): string {
  if (!isOver(run)) return `for ${duration(now - run.since_ms)}`;
  const { started_ms: started, finished_ms: finished } = run;
  if (finished === null) return "";
  const ago = `${duration(now - finished)} ago`;
  return started === null ? ago : `${ago}, took ${duration(finished - started)}`;
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

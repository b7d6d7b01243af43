// In place of a run that is not there.

import { here } from "../address";
import type { Problem } from "../api";
import { sanitize } from "../sanitize";

export function Missing({ runId, problem }: { runId: string; problem: Problem }) {
  return (
    <section class="missing" role="alert">
      <h1>{sanitize(problem.title)}</h1>
      <p>
        {problem.code === "deleted-run"
          ? "Somebody deleted it, or it made room for newer runs."
          : "Check the id. If the run was there before, it was deleted, or it is older than runs are kept here."}
      </p>
      <p>
        <code class="id">{sanitize(runId)}</code>
      </p>
      <p>
        <a class="button primary" href={here("/")}>
          All runs
        </a>
      </p>
    </section>
  );
}

// The rows of the list.

import type { Run } from "../api";
import { sanitize } from "../sanitize";
import { StateChip } from "../state";
import { age, stamp } from "../time";
import { durationWords, exitMark } from "../words";

export function Table({ rows, now }: { rows: readonly Run[]; now: number }) {
  return (
    <table class="runs">
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Run</th>
          <th scope="col" class="side">
            Duration
          </th>
          <th scope="col" class="side">
            Who
          </th>
          <th scope="col" class="side">
            Exit
          </th>
          <th scope="col" class="side">
            Age
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((run) => (
          <Row key={run.id} run={run} now={now} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ run, now }: { run: Run; now: number }) {
  const duration = durationWords(run, now);
  const made = age(now - run.created_ms);
  const since = made === "now" ? made : `${made} ago`;
  const exit = exitMark(run);
  const brief = [duration, run.who, exit && `exit ${exit}`, since].filter(Boolean).join(" · ");
  return (
    <tr class={run.state}>
      <td>
        <StateChip run={run} />
      </td>
      <td class="what">
        <a class="row-link" href={`/runs/${encodeURIComponent(run.id)}`}>
          <span class="task">{sanitize(run.task)}</span> <span class="id">{sanitize(run.id)}</span>
        </a>
        <span class="brief">{sanitize(brief)}</span>
        {run.why && <span class="why">{sanitize(run.why)}</span>}
      </td>
      <td class="side">{duration}</td>
      <td class="side who">{run.who && sanitize(run.who)}</td>
      <td class="side">{exit}</td>
      <td class="side">
        <time dateTime={new Date(run.created_ms).toISOString()} title={stamp(run.created_ms)}>
          {made}
        </time>
      </td>
    </tr>
  );
}

/** Shown while the first answer is on its way, if that takes a moment. */
export function Skeleton() {
  return (
    <div class="skeleton" role="status">
      <span class="unseen">Loading the runs…</span>
      <span />
      <span />
      <span />
    </div>
  );
}

// The rows of the list: state, what it is and why, who, how long, how old.

import { useMemo } from "preact/hooks";
import { runAddress } from "../address";
import type { Run } from "../api";
import { labelsOf } from "../filters";
import { withCommas } from "../numbers";
import { sanitize } from "../sanitize";
import { StateChip } from "../state";
import { age, duration, stamp } from "../time";
import { durationWords, exitMark, waitingWords } from "../words";
import { usualDurations } from "./usual";

/** More labels than these are on the run's own page. */
const LABELS = 3;

// The roles are said, since browsers forget them of rows that are drawn as a grid.
export function Table({ rows, now }: { rows: readonly Run[]; now: number }) {
  const usual = useMemo(() => usualDurations(rows), [rows]);
  return (
    <div class="card">
      {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
      <table class="runs" role="table" aria-label="Runs">
        {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
        <thead class="unseen" role="rowgroup">
          {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
          <tr role="row">
            {["State", "Run", "Who", "Duration", "Age"].map((name) => (
              // biome-ignore lint/a11y/noRedundantRoles: drawn as a grid
              <th key={name} role="columnheader" scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
        <tbody role="rowgroup">
          {rows.map((run) => (
            <Row key={run.id} run={run} now={now} usual={usual.get(run.task)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowOf {
  readonly run: Run;
  readonly now: number;
  /** How long runs of this task take, in ms, where that is known. */
  readonly usual: number | undefined;
}

function Row({ run, now, usual }: RowOf) {
  const made = age(now - run.created_ms);
  const since = made === "now" ? made : `${made} ago`;
  const labels = labelsOf(run);
  const exit = run.exit_status === 0 ? "" : exitMark(run);
  return (
    // biome-ignore lint/a11y/noRedundantRoles: drawn as a grid
    <tr class={run.state} role="row">
      {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
      <td role="cell" class="is">
        <StateChip run={run} />
      </td>
      {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
      <td role="cell" class="what">
        <span class="named">
          <a
            class="row-link"
            href={runAddress(run.id)}
            title={`${sanitize(run.id)}\n${stamp(run.created_ms)}`}
          >
            <span class="task">{sanitize(run.task)}</span>
          </a>
          {run.title && <span class="titled">{sanitize(run.title)}</span>}
          {labels.slice(0, LABELS).map((label) => (
            <span key={label} class="label" title={sanitize(label)}>
              {sanitize(label.slice(label.indexOf(":") + 1))}
            </span>
          ))}
          {labels.length > LABELS && <span class="label">+{labels.length - LABELS}</span>}
        </span>
        <span class="tells">
          <Tells run={run} />
          {exit && <span>{run.signal === null ? `exit ${exit}` : exit}</span>}
          <span class="id" title="The id of the run">
            {sanitize(run.id)}
          </span>
        </span>
        <span class="brief">
          {run.who && <bdi>{sanitize(run.who)}</bdi>}
          {run.who && " · "}
          {since}
        </span>
      </td>
      {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
      <td role="cell" class="who">
        {run.who && sanitize(run.who)}
      </td>
      {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
      <td role="cell" class="took">
        {durationWords(run, now)}
        <Meter run={run} now={now} usual={usual} />
      </td>
      {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
      <td role="cell" class="age">
        <time dateTime={new Date(run.created_ms).toISOString()} title={stamp(run.created_ms)}>
          {made}
        </time>
      </td>
    </tr>
  );
}

/** The reason for its state; without one, how much it has said. */
function Tells({ run }: { run: Run }) {
  if (run.why) return <span class="why">{sanitize(run.why)}</span>;
  if (run.state === "queued") return <span>{waitingWords(run)}</span>;
  if (run.lines === 0) return <span>no output{run.state === "running" && " yet"}</span>;
  return <span>{run.lines === 1 ? "1 line" : `${withCommas(run.lines)} lines`}</span>;
}

/** How far a running run is, if it takes as long as those before it. */
function Meter({ run, now, usual }: RowOf) {
  const began = run.first_started_ms;
  if (run.state !== "running" || usual === undefined || began === null) return null;
  const part = Math.max(0, Math.min(1, (now - began) / usual));
  return (
    <svg
      class="meter"
      role="img"
      aria-label={`Usually takes ${duration(usual)}`}
      viewBox="0 0 100 4"
      preserveAspectRatio="none"
    >
      <title>Usually takes {duration(usual)}</title>
      <rect class="whole" width="100" height="4" />
      <rect width={(part * 100).toFixed(1)} height="4" />
    </svg>
  );
}

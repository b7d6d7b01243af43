// The rows of the list: state, what it is and why, who, how long, how old.

import { useMemo } from "preact/hooks";
import { runAddress } from "../address";
import type { Run, RunLine } from "../api";
import { labelsOf } from "../filters";
import { withCommas } from "../numbers";
import { sanitize } from "../sanitize";
import { StateChip } from "../state";
import { age, stamp } from "../time";
import { usualDurations } from "../usual";
import { lacks } from "../who";
import { exitMark, waitingWords } from "../words";
import { RowMenu } from "./rowmenu";
import { Took } from "./took";
import type { Tools } from "./tools";

/** More labels than these are on the run's own page. */
const LABELS = 3;

interface TableOf {
  readonly rows: readonly Run[];
  /** In ms since 1970. */
  readonly now: number;
  /** What running runs wrote last, by run. */
  readonly lines: ReadonlyMap<string, RunLine>;
  readonly tools: Tools;
}

// The roles are said, since browsers forget them of rows that are drawn as a grid.
export function Table({ rows, now, lines, tools }: TableOf) {
  const usual = useMemo(() => usualDurations(rows), [rows]);
  const marked = tools.marks.ids.value;
  return (
    <div class="card of-runs">
      {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
      <table class={marked.size > 0 ? "runs marking" : "runs"} role="table" aria-label="Runs">
        {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
        <thead class="unseen" role="rowgroup">
          {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
          <tr role="row">
            {["Mark", "State", "Run", "Who", "Duration", "Age", "Actions"].map((name) => (
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
            <Row
              key={run.id}
              run={run}
              now={now}
              usual={usual.get(run.task)}
              line={run.state === "running" ? lines.get(run.id) : undefined}
              marked={marked.has(run.id)}
              mark={(on, through) =>
                tools.marks.set(run.id, on, through ? rows.map(({ id }) => id) : null)
              }
              tools={tools}
            />
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
  /** What it wrote last, where that is known. */
  readonly line: RunLine | undefined;
  readonly marked: boolean;
  /** `through`: and all from the one that was marked before. */
  readonly mark: (on: boolean, through: boolean) => void;
  readonly tools: Tools;
}

function Row({ run, now, usual, line, marked, mark, tools }: RowOf) {
  const made = age(now - run.created_ms);
  const since = made === "now" ? made : `${made} ago`;
  const labels = labelsOf(run);
  const exit = run.exit_status === 0 ? "" : exitMark(run);
  return (
    // biome-ignore lint/a11y/noRedundantRoles: drawn as a grid
    <tr class={marked ? `${run.state} marked` : run.state} role="row" data-run={run.id}>
      {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
      <td role="cell" class="mark">
        <label>
          <input
            type="checkbox"
            aria-label={`Mark ${sanitize(run.task)} ${sanitize(run.id.slice(0, 8))}`}
            checked={marked}
            onClick={(event) => mark(event.currentTarget.checked, event.shiftKey)}
          />
        </label>
      </td>
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
          <Tells run={run} line={line} />
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
        <Took run={run} now={now} usual={usual} line={line} />
      </td>
      {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
      <td role="cell" class="age">
        <time dateTime={new Date(run.created_ms).toISOString()} title={stamp(run.created_ms)}>
          {made}
        </time>
      </td>
      {/* biome-ignore lint/a11y/noRedundantRoles: drawn as a grid */}
      <td role="cell" class="do">
        <RowMenu run={run} tools={tools} />
      </td>
    </tr>
  );
}

/** The reason for its state, or what it wrote last; without either, how much it has said. */
function Tells({ run, line }: { run: Run; line: RunLine | undefined }) {
  if (run.why && run.why_line && !lacks("log:read")) {
    return (
      <a
        class="said-at"
        href={`${runAddress(run.id)}#L${run.why_line}`}
        title="Open the log at this line"
      >
        <span class="why">{sanitize(run.why)}</span>
        <span> · line {withCommas(run.why_line)}</span>
      </a>
    );
  }
  if (run.why) return <span class="why">{sanitize(run.why)}</span>;
  if (line?.text) return <span class="said">{sanitize(line.text)}</span>;
  if (run.state === "queued") return <span>{waitingWords(run)}</span>;
  if (run.lines === 0) return <span>no output{run.state === "running" && " yet"}</span>;
  return <span>{run.lines === 1 ? "1 line" : `${withCommas(run.lines)} lines`}</span>;
}

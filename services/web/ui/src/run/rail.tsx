// Beside the log of a run: what is in it, what the run was given and returned, and what happened to it.

import type { Run } from "../api";
import { Summary } from "../design/summary";
import type { LogController } from "../log/controller";
import { LogRail } from "../log/rail";
import { sanitize } from "../sanitize";
import { Fact } from "./fact";
import { Family } from "./family";
import { Result } from "./result";
import { Attempts, Happened } from "./story";

interface Props {
  readonly log: LogController | null;
  readonly run: Run;
  /** The last run of the task before this one that succeeded; null if there is none. */
  readonly good: Run | null;
  /** In ms since 1970. */
  readonly now: number;
  /** A place in the log was chosen: where there is little room, that is what is wanted now. */
  readonly chosen: () => void;
}

export function Rail({ log, run, good, now, chosen }: Props) {
  return (
    <aside class="rail" aria-label="In this run">
      {log && <LogRail log={log} now={now} good={good} chosen={chosen} />}
      {log && <Attempts log={log} run={run} now={now} chosen={chosen} />}
      <Family run={run} />
      <Result result={run.result} />
      <Parameters kwargs={run.kwargs} />
      {log && <Happened log={log} run={run} now={now} chosen={chosen} />}
    </aside>
  );
}

const BRIEF_CHARS = 120;
/** A list or object of so many characters takes one line. */
const SHORT_CHARS = 30;

function written(value: unknown): string {
  if (typeof value === "string") return value;
  const line = JSON.stringify(value);
  return line.length <= SHORT_CHARS ? line : JSON.stringify(value, null, 1);
}

/** Folded: one line of them; open: one row each. */
function Parameters({ kwargs }: { kwargs: Run["kwargs"] }) {
  const entries = Object.entries(kwargs ?? {});
  if (entries.length === 0) return null;
  const brief = entries.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(" ");
  return (
    <details class="parameters" open>
      <Summary>
        <span class="heading">
          {entries.length === 1 ? "1 parameter" : `${entries.length} parameters`}
        </span>
        <code class="brief">
          {sanitize(brief.length > BRIEF_CHARS ? `${brief.slice(0, BRIEF_CHARS)}…` : brief)}
        </code>
      </Summary>
      <dl>
        {entries.map(([name, value]) => (
          <Fact key={name} name={sanitize(name)}>
            <code>{sanitize(written(value))}</code>
          </Fact>
        ))}
      </dl>
    </details>
  );
}

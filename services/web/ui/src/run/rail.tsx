// Beside the log of a run: what is in it, and what the run was given and when.

import type { Run } from "../api";
import { Summary } from "../design/summary";
import type { LogController } from "../log/controller";
import { LogRail } from "../log/rail";
import { sanitize } from "../sanitize";
import { Fact, Time } from "./fact";

interface Props {
  readonly log: LogController | null;
  readonly run: Run;
  /** In ms since 1970. */
  readonly now: number;
  /** A place in the log was chosen: where there is little room, that is what is wanted now. */
  readonly chosen: () => void;
}

export function Rail({ log, run, now, chosen }: Props) {
  return (
    <aside class="rail" aria-label="In this run">
      {log && <LogRail log={log} now={now} chosen={chosen} />}
      <Parameters kwargs={run.kwargs} />
      <h2>Times</h2>
      <dl>
        <Fact name="Created">
          <Time ms={run.created_ms} />
        </Fact>
        {run.first_started_ms !== null && (
          <Fact name="Started">
            <Time ms={run.first_started_ms} />
          </Fact>
        )}
        {run.finished_ms !== null && (
          <Fact name="Finished">
            <Time ms={run.finished_ms} />
          </Fact>
        )}
      </dl>
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

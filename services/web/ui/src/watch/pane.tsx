// One run of several: a line about it, its log, and what is proved of that.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { runAddress } from "../address";
import type { Run } from "../api";
import { Icon } from "../design/icon";
import { SquareButton } from "../design/squarebutton";
import { labelsOf } from "../filters";
import type { LogController } from "../log/controller";
import { LogFooter } from "../log/footer";
import { Help } from "../log/help";
import { amongOthers } from "../log/place";
import { LogToolbar } from "../log/toolbar";
import { LogLines } from "../reading/lines";
import { gone, useReading } from "../reading/run";
import { Replaced, Trouble } from "../reading/trouble";
import { sanitize } from "../sanitize";
import type { Tail } from "../socket";
import { StateChip } from "../state";
import { TellMe } from "../tell/button";
import { span } from "../time";
import { isOver, tookMs } from "../words";
import { type Watched, watchKeys } from "./watched";

/** More labels than these are on the run's own page. */
const LABELS = 3;

interface Props {
  readonly tail: Tail;
  readonly runId: string;
  readonly watched: Watched;
}

export function Pane({ tail, runId, watched }: Props) {
  const reading = useReading(tail, runId, (closed) =>
    amongOthers(closed, () => watched.active.peek() === runId),
  );
  const { record, now } = reading;
  const tools = useSignal(false);
  const log = reading.log.value;
  const active = useComputed(() => watched.active.value === runId).value;

  useSignalEffect(() => {
    if (record.value) watched.tell(record.value);
  });

  const missing = gone(reading) !== null;
  const open =
    tools.value || log?.find.open.value === true || log?.goToOpen.value === true || false;
  const names = ["pane", active && "active", log?.full.value && "alone", missing && "missing"];
  return (
    <section
      class={names.filter(Boolean).join(" ")}
      data-run={runId}
      aria-label={sanitize(record.value ? `${nameOf(record.value)}, run ${runId}` : `Run ${runId}`)}
    >
      <div class="pane-head">
        {record.value && !missing && <About run={record.value} now={now.value} />}
        {(!record.value || missing) && <h2 class="id">{sanitize(runId)}</h2>}
        {record.value && !missing && (
          <TellMe
            small
            run={record.value}
            show={() => reading.scroller.current?.focus({ preventScroll: false })}
          />
        )}
        {log && !missing && (
          <button
            type="button"
            class="quiet square"
            aria-label="Find, times and more"
            title="Find, times and more"
            aria-expanded={open}
            onClick={() => toggle(log, tools, open)}
          >
            <Icon name="more" />
          </button>
        )}
        {!missing && (
          <a
            class="button quiet square"
            aria-label="Open the run's page"
            title="Open the run's page"
            href={runAddress(runId)}
          >
            <Icon name="whole" />
          </a>
        )}
        <SquareButton
          icon="close"
          label="Close this pane"
          title="Close this pane. The run goes on"
          press={() => watched.close(runId)}
        />
      </div>
      <Trouble reading={reading} />
      <Replaced reading={reading} />
      {log && !missing && open && <LogToolbar log={log} />}
      <LogLines reading={reading} />
      {log && !missing && (
        <LogFooter log={log} runId={runId} share={null}>
          <Following log={log} />
        </LogFooter>
      )}
      {log && active && <Help log={log} more={watchKeys(watched)} />}
    </section>
  );
}

/** Shut, nothing is looked for any more. */
function toggle(log: LogController, tools: { value: boolean }, open: boolean): void {
  tools.value = !open;
  if (!open) return;
  log.goToOpen.value = false;
  if (log.find.open.peek()) log.find.close();
}

function nameOf(run: Run): string {
  return run.title ? `${run.task}, ${run.title}` : run.task;
}

function About({ run, now }: { run: Run; now: number }) {
  const labels = labelsOf(run);
  const took = tookMs(run, now);
  return (
    <>
      <StateChip run={run} />
      <h2 title={sanitize(`${nameOf(run)}\n${run.id}`)}>
        <span class="task">{sanitize(run.task)}</span>
        {run.title && <span class="titled">{sanitize(run.title)}</span>}
      </h2>
      <span class="labels">
        {labels.slice(0, LABELS).map((label) => (
          <span key={label} class="label" title={sanitize(label)}>
            {sanitize(label.slice(label.indexOf(":") + 1))}
          </span>
        ))}
        {labels.length > LABELS && <span class="label">+{labels.length - LABELS}</span>}
      </span>
      <span class="took">{took === null ? "" : span(took, isOver(run))}</span>
    </>
  );
}

function Following({ log }: { log: LogController }) {
  const { name } = log.follow.phase.value;
  if (!log.list.following.value || (name !== "live" && name !== "http")) return null;
  return <p class="following">Following</p>;
}

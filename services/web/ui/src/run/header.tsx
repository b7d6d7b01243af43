// What is known about one run: its state, honestly; since when and why; how, where and with what.

import { useSignal } from "@preact/signals";
import type { Run } from "../api";
import { sanitize } from "../sanitize";
import { StateChip } from "../state";
import { stamp } from "../time";
import { ClockNote } from "../top";
import { attemptWords, exitWords, sinceWords } from "../words";
import { Actions } from "./actions";

export function Header(props: { run: Run; now: number; changed: (run: Run) => void }) {
  const { run, now } = props;
  const open = useSignal(false);
  const exit = exitWords(run);
  return (
    <section class={open.value ? "about open" : "about"} aria-label="About this run">
      <h1>
        <span class="task">{sanitize(run.task)}</span> <StateChip run={run} />
        <span class="since" title={`since ${stamp(run.since_ms)}`}>
          {sinceWords(run, now)}
        </span>
        <button
          type="button"
          class="quiet unfold"
          aria-expanded={open.value}
          onClick={() => {
            open.value = !open.value;
          }}
        >
          {open.value ? "Less" : "More"}
        </button>
      </h1>
      {run.why && <Why text={run.why} />}
      <div class="folding">
        <div class="facts">
          <dl>
            <Fact name="Run">
              <span class="id">{sanitize(run.id)}</span>
            </Fact>
            {run.retry_of && (
              <Fact name="Retry of">
                <RunLink id={run.retry_of} />
              </Fact>
            )}
            {run.earlier_execution && (
              <Fact name="Earlier execution">
                <RunLink id={run.earlier_execution} />
              </Fact>
            )}
            {run.newer_execution && (
              <Fact name="Newer execution">
                <RunLink id={run.newer_execution} />
              </Fact>
            )}
            <Fact name="Attempt">{attemptWords(run, now)}</Fact>
            {exit && <Fact name="Exit">{exit}</Fact>}
            {run.worker && <Fact name="Worker">{sanitize(run.worker)}</Fact>}
            {run.queue && !run.worker && <Fact name="Queue">{sanitize(run.queue)}</Fact>}
            {run.who && <Fact name="Started by">{sanitize(run.who)}</Fact>}
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
          <Parameters kwargs={run.kwargs} />
          <ClockNote />
        </div>
        <Actions run={run} now={now} changed={props.changed} />
      </div>
    </section>
  );
}

/** From this length on it may have to be scrolled, which the keyboard must be able to do. */
const LONG_WHY_CHARS = 300;

function Why({ text }: { text: string }) {
  return (
    <p class="why" {...(text.length > LONG_WHY_CHARS ? { tabIndex: 0 } : {})}>
      {sanitize(text)}
    </p>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function RunLink({ id }: { id: string }) {
  return (
    <a class="id" href={`/runs/${encodeURIComponent(id)}`}>
      {sanitize(id)}
    </a>
  );
}

function Time({ ms }: { ms: number }) {
  return <time dateTime={new Date(ms).toISOString()}>{stamp(ms)}</time>;
}

const BRIEF_CHARS = 120;

/** Folded: one line of them; open: one row each. */
function Parameters({ kwargs }: { kwargs: Run["kwargs"] }) {
  const entries = Object.entries(kwargs ?? {});
  if (entries.length === 0) return null;
  const brief = entries.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(" ");
  return (
    <details class="parameters">
      <summary>
        {entries.length === 1 ? "1 parameter" : `${entries.length} parameters`}{" "}
        <code class="brief">
          {sanitize(brief.length > BRIEF_CHARS ? `${brief.slice(0, BRIEF_CHARS)}…` : brief)}
        </code>
      </summary>
      <dl>
        {entries.map(([name, value]) => (
          <Fact key={name} name={sanitize(name)}>
            <code>
              {sanitize(typeof value === "string" ? value : JSON.stringify(value, null, 1))}
            </code>
          </Fact>
        ))}
      </dl>
    </details>
  );
}

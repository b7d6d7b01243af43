// What is known about one run, on two lines: its state, honestly, and what can be done; since when and why, how and where.

import { runAddress } from "../address";
import type { Run } from "../api";
import { Icon } from "../design/icon";
import { sanitize } from "../sanitize";
import { StateChip } from "../state";
import { age, lasted, stamp } from "../time";
import { ClockNote } from "../top";
import { attemptWords, exitWords, sinceWords } from "../words";
import { Actions } from "./actions";
import { Fact, Time } from "./fact";

interface Props {
  readonly run: Run;
  /** How long the task's runs take, in ms; null if that is not known. */
  readonly usual: number | null;
  /** In ms since 1970. */
  readonly now: number;
  readonly changed: (run: Run) => void;
  /** Where there is little room: whether everything is shown. */
  readonly open: boolean;
  readonly opened: (open: boolean) => void;
}

export function Header({ run, usual, now, changed, open, opened }: Props) {
  return (
    <section class={open ? "about open" : "about"} aria-label="About this run">
      <div class="line">
        <h1>
          <StateChip run={run} />
          <span class="task">{sanitize(run.task)}</span>
          <span class="since" title={`since ${stamp(run.since_ms)}`}>
            {sinceWords(run, now)}
            {usual !== null && run.first_started_ms !== null && `, usually ${lasted(usual)}`}
          </span>
        </h1>
        <Actions run={run} now={now} changed={changed} />
        <button
          type="button"
          class="quiet unfold"
          aria-expanded={open}
          onClick={() => opened(!open)}
        >
          {open ? "Less" : "More"}
          <Icon name={open ? "shut" : "open"} />
        </button>
      </div>
      {run.why && <Why text={run.why} />}
      <div class="folding">
        <Facts run={run} now={now} />
        <ClockNote />
      </div>
    </section>
  );
}

function Facts({ run, now }: { run: Run; now: number }) {
  const exit = exitWords(run);
  return (
    <dl class="facts">
      <Fact name="Attempt">{attemptWords(run, now)}</Fact>
      {exit && <Fact name="Exit">{exit}</Fact>}
      {run.worker && <Fact name="Worker">{sanitize(run.worker)}</Fact>}
      {run.queue && !run.worker && <Fact name="Queue">{sanitize(run.queue)}</Fact>}
      {run.who && <Fact name="Started by">{sanitize(run.who)}</Fact>}
      <Fact name="Created">
        <Time ms={run.created_ms} words={ago(now - run.created_ms)} />
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
      <Fact name="Run">
        <span class="id">{sanitize(run.id)}</span>
      </Fact>
    </dl>
  );
}

function ago(ms: number): string {
  const words = age(ms);
  return words === "now" ? words : `${words} ago`;
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

function RunLink({ id }: { id: string }) {
  return (
    <a class="id" href={runAddress(id)}>
      {sanitize(id)}
    </a>
  );
}

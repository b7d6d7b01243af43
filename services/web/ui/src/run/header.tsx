// What is known about one run, on two lines: its state, honestly, and what can be done; since when and why, how and where.

import { runAddress } from "../address";
import type { Run } from "../api";
import { Icon } from "../design/icon";
import type { LogController } from "../log/controller";
import { NOTHING } from "../log/model/outline";
import { withCommas } from "../numbers";
import { sanitize } from "../sanitize";
import { StateChip } from "../state";
import { age, lasted, stamp } from "../time";
import { ClockNote } from "../top";
import { attemptWords, exitWords, sinceWords, waitingWords } from "../words";
import { Actions } from "./actions";
import { Fact, Time } from "./fact";

/** From this length on it may have to be scrolled, which the keyboard must be able to do. */
const LONG_WHY_CHARS = 300;
/** So many labels are shown. */
const LABELS = 5;

interface Props {
  readonly run: Run;
  /** How long the task's runs take, in ms; null if that is not known. */
  readonly usual: number | null;
  /** In ms since 1970. */
  readonly now: number;
  readonly changed: (run: Run) => void;
  readonly log: LogController | null;
  /** Where there is little room: whether everything is shown. */
  readonly open: boolean;
  readonly opened: (open: boolean) => void;
}

export function Header({ run, usual, now, changed, log, open, opened }: Props) {
  return (
    <section class={open ? "about open" : "about"} aria-label="About this run">
      <div class="line">
        <h1>
          <StateChip run={run} />
          <span class="task">{sanitize(run.task)}</span>
          {run.title && <span class="titled">{sanitize(run.title)}</span>}
          <Labels run={run} />
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
      <Why run={run} log={log} />
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

/** Their values, as in the list of runs; all of them when the mouse rests on one. */
function Labels({ run }: { run: Run }) {
  const all = [run.labels, run.added_labels].flatMap((labels) => Object.entries(labels ?? {}));
  return (
    <>
      {all.slice(0, LABELS).map(([key, value]) => (
        <span key={key} class="label" title={sanitize(`${key}:${value}`)}>
          {sanitize(value)}
        </span>
      ))}
      {all.length > LABELS && (
        <span
          class="label"
          title={sanitize(all.map(([key, value]) => `${key}:${value}`).join("\n"))}
        >
          +{withCommas(all.length - LABELS)}
        </span>
      )}
    </>
  );
}

/** Why it is in its state, and the way to the line that says it first. */
function Why({ run, log }: { run: Run; log: LogController | null }) {
  const text = run.state === "queued" ? waitingWords(run) : run.why;
  const failed = run.state === "failed" || run.state === "lost";
  const found = failed && log ? firstError(log, run) : null;
  if (!text && !found) return null;
  return (
    <p class="why" {...(text.length > LONG_WHY_CHARS ? { tabIndex: 0 } : {})}>
      <span class="reason">{sanitize(text)}</span>
      {log && found && (
        <>
          {" "}
          <a
            href={`#L${found.line}`}
            onClick={(event) => {
              event.preventDefault();
              log.showLine(found.line);
            }}
          >
            {found.first ? "First error" : "Error"}: line {withCommas(found.line)}
          </a>
        </>
      )}
    </p>
  );
}

/**
 * The first line of a log that is an error, as the server knows it. Without one: of the loaded lines the first that
 * says it is one, or the line with the reason; these are the first only if all lines before them are known.
 */
function firstError(
  { model }: LogController,
  { why_line }: Run,
): { readonly line: number; readonly first: boolean } | null {
  void model.outlineChanges.value;
  // The server's answer may name another line.
  if (model.known === NOTHING) return null;
  const [declared] = model.known.errors;
  const line = declared ?? model.detected.lines("error")[0] ?? why_line;
  if (line === null || line > model.total.value) return null;
  return { line, first: line === declared || model.detected.isKnownUpTo(line) };
}

function RunLink({ id }: { id: string }) {
  return (
    <a class="id" href={runAddress(id)}>
      {sanitize(id)}
    </a>
  );
}

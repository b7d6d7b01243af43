// In the rail: the attempts of a run, and what happened to it. What the log has leads to its place there.

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Run } from "../api";
import { Icon } from "../design/icon";
import type { IconName } from "../design/icons";
import type { LogController } from "../log/controller";
import { withCommas } from "../numbers";
import { sanitize } from "../sanitize";
import { age, duration, lasted, stamp } from "../time";
import { type Attempt, attempts, type Happening, happenings } from "./happened";

/** The newest ones: the oldest are the first to be left out. */
const MOST = 50;

interface Props {
  readonly log: LogController;
  readonly run: Run;
  /** In ms since 1970. */
  readonly now: number;
  readonly chosen: () => void;
}

export function Attempts({ log, run, now, chosen }: Props) {
  void log.model.outlineChanges.value;
  const all = attempts(run, log.model.known.marks);
  if (all.length < 2) return null;
  return (
    <nav aria-label="Attempts">
      <h2>Attempts</h2>
      {all.slice(-MOST).map((attempt) => (
        <Place
          key={attempt.number}
          log={log}
          line={attempt.line}
          chosen={chosen}
          title={`since ${stamp(attempt.began)}`}
        >
          <span class={lookOf(attempt)}>
            <Icon name={iconOf(attempt)} />
          </span>
          <span class="name">
            {withCommas(attempt.number)} {attempt.words}
          </span>
          <span class="side">
            {attempt.ended === null
              ? duration(now - attempt.began)
              : lasted(attempt.ended - attempt.began)}
          </span>
        </Place>
      ))}
    </nav>
  );
}

function iconOf({ state }: Attempt): IconName {
  return state === "retried" ? "retry" : state;
}

function lookOf({ state }: Attempt): string {
  if (state === "succeeded") return "good";
  if (state === "running") return "running";
  return state === "failed" ? "bad" : "warn";
}

export function Happened({ log, run, now, chosen }: Props) {
  const { known, rows } = log.model;
  const changes = log.model.outlineChanges.value;
  const all = useMemo(
    () => happenings(run, known.marks, rows.notes),
    [run, changes, known, rows.notes.length],
  );
  return (
    <nav aria-label="What happened" class="happened">
      <h2>What happened</h2>
      {all.length > MOST && <p class="hint">{withCommas(all.length - MOST)} more before that</p>}
      {all.slice(-MOST).map((one, index) => (
        <Place
          key={`${one.t} ${index}`}
          log={log}
          line={one.line}
          chosen={chosen}
          title={`${sanitize(one.text)}\n${stamp(one.t)}`}
        >
          <span class={`name ${levelLook(one)}`}>{sanitize(one.text)}</span>
          <time class="side" dateTime={new Date(one.t).toISOString()}>
            {agoWords(now - one.t)}
          </time>
        </Place>
      ))}
    </nav>
  );
}

function levelLook({ level }: Happening): string {
  if (level === "note") return "";
  return level === "error" ? "bad" : "warn";
}

function agoWords(ms: number): string {
  const words = age(ms);
  return words === "now" ? words : `${words} ago`;
}

interface PlaceProps {
  readonly log: LogController;
  readonly line: number | null;
  readonly title: string;
  readonly chosen: () => void;
  readonly children: ComponentChildren;
}

/** Leads to a line, if the log has it. */
function Place({ log, line, title, chosen, children }: PlaceProps) {
  const total = log.model.total.value;
  if (line === null || total === 0) {
    return (
      <p class="entry" title={title}>
        {children}
      </p>
    );
  }
  return (
    <a
      class="entry"
      href={`#L${Math.min(line, total)}`}
      title={title}
      onClick={(event) => {
        event.preventDefault();
        chosen();
        log.showPlace(line);
      }}
    >
      {children}
    </a>
  );
}

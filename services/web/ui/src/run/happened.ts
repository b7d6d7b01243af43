// What happened to a run, and what became of each attempt: from its record, and from what its log's outline marks. Pure.

import type { OutlineMark, Run } from "../api";
import type { Note } from "../log/model/rows";
import type { Level } from "../log/model/words";
import { isOver } from "../words";

export interface Happening {
  /** In ms since 1970. */
  readonly t: number;
  readonly text: string;
  readonly level: Level;
  /** The line of the log that it stands before; null where the log does not have it. */
  readonly line: number | null;
}

export interface Attempt {
  readonly number: number;
  readonly began: number;
  /** In ms since 1970; null while it goes on. */
  readonly ended: number | null;
  readonly state: Run["state"] | "retried";
  readonly words: string;
  readonly line: number;
}

/** The words for a mark whose event is not loaded; kinds without any are told elsewhere. */
const WORDS: Readonly<Record<string, string>> = {
  start: "started",
  retry: "The task asked for a retry",
  "cancel-requested": "Somebody asked to cancel",
  cancel: "Cancelled",
  interrupted: "Interrupted",
  "worker-lost": "The worker stopped answering",
  "store-lost": "Lines were lost",
  overflow: "Output was dropped",
  end: "Ended",
};
const BAD = new Set(["worker-lost", "store-lost", "overflow"]);
const WARNING = new Set(["retry", "cancel-requested", "cancel", "interrupted"]);

/**
 * Everything, in order.
 * @param marks - Of the log's outline.
 * @param notes - The events of the log that are loaded: they have more to say.
 */
export function happenings(
  run: Run,
  marks: readonly OutlineMark[],
  notes: readonly Note[],
): readonly Happening[] {
  const loaded = new Map(
    notes
      .filter(({ kind, group }) => kind === "event" && !group)
      .map((note) => [placeOf(note.t, note.at), note]),
  );
  const marked = (kind: string) => marks.some((mark) => mark.kind === kind);
  // In the order of the log: clocks may differ.
  const found: Happening[] = [{ t: run.created_ms, text: created(run), level: "note", line: null }];
  if (!marked("start")) found.push(...starts(run));
  let cancelled: string | null = null;
  for (const mark of marks) {
    const words = WORDS[mark.kind];
    if (words === undefined) continue;
    const note = loaded.get(placeOf(mark.t_ms, mark.line));
    const text = note?.text ?? (mark.attempt ? `Attempt ${mark.attempt} started` : words);
    if (mark.kind === "end" && cancelled !== null && addsNothing(text, cancelled, run)) continue;
    if (mark.kind === "cancel") cancelled = text;
    found.push({
      t: mark.t_ms,
      text,
      level: note?.level ?? levelOf(mark.kind, run),
      line: mark.line,
    });
  }
  const text = capital(run.state);
  const told = cancelled !== null && addsNothing(text, cancelled, run);
  if (run.finished_ms !== null && !marked("end") && !told) {
    found.push({ t: run.finished_ms, text, level: levelOf("end", run), line: null });
  }
  // The worker has not told it yet, or there was none to tell it.
  if (run.cancel && !marked("cancel-requested")) {
    const one = asked(run.cancel, run.created_ms);
    const later = found.findIndex(({ t }, index) => index > 0 && t > one.t);
    found.splice(later < 0 ? found.length : later, 0, one);
  }
  return found;
}

/** Whether the end of a run says only what its cancelling said, such as "Cancelled by ana (signal 15)". */
function addsNothing(end: string, cancelled: string, run: Run): boolean {
  return run.state === "cancelled" && (end === WORDS["end"] || cancelled.startsWith(end));
}

/** The first attempt and the last one: the record has no other. */
function starts({ attempt, first_started_ms: first, started_ms: last }: Run): Happening[] {
  const known = [[1, first] as const, ...(attempt > 1 ? [[attempt, last] as const] : [])];
  return known.flatMap(([number, t]) =>
    t === null ? [] : [{ t, text: `Attempt ${number} started`, level: "note", line: null }],
  );
}

function placeOf(t: number, line: number): string {
  return `${t} ${line}`;
}

function capital(word: string): string {
  return word.replace(/^./, (letter) => letter.toUpperCase());
}

function levelOf(kind: string, run: Run): Level {
  if (kind === "end" && run.state === "cancelled") return "warning";
  if (kind === "end") return run.state === "succeeded" ? "note" : "error";
  if (BAD.has(kind)) return "error";
  return WARNING.has(kind) ? "warning" : "note";
}

function created(run: Run): string {
  const by = run.who ? ` by ${run.who}` : "";
  const queue = run.queue ? `, for queue ${run.queue}` : "";
  return `${run.retry_of ? "Retried" : "Created"}${by}${queue}`;
}

function asked(cancel: NonNullable<Run["cancel"]>, otherwise: number): Happening {
  const { who, why, at_ms: at } = cancel;
  return {
    t: typeof at === "number" ? at : otherwise,
    text: `${who ? String(who) : "Somebody"} asked to cancel${why ? `: ${String(why)}` : ""}`,
    level: "warning",
    line: null,
  };
}

/** What ends an attempt that does not end its run, and what to call that. */
const ENDINGS: Readonly<Record<string, string>> = {
  retry: "retried",
  interrupted: "interrupted",
  "worker-lost": "worker lost",
};

/** The attempts of which the log has the beginning. */
export function attempts(run: Run, marks: readonly OutlineMark[]): readonly Attempt[] {
  const starts = marks.filter(({ kind }) => kind === "start");
  return starts.map((start, index) => {
    const next = starts[index + 1];
    const from = marks.indexOf(start);
    const rest = marks.slice(from + 1, next ? marks.indexOf(next) : undefined);
    const ending = rest.findLast(({ kind }) => kind in ENDINGS);
    const end = rest.find(({ kind }) => kind === "end");
    const about = {
      number: start.attempt || index + 1,
      began: start.t_ms,
      line: start.line,
    };
    if (next) {
      const ended = ending?.t_ms ?? next.t_ms;
      return { ...about, ended, state: "retried", words: ENDINGS[ending?.kind ?? "retry"] ?? "" };
    }
    const ended = end?.t_ms ?? run.finished_ms;
    if (ended !== null || isOver(run))
      return { ...about, ended, state: run.state, words: run.state };
    if (ending)
      return { ...about, ended: ending.t_ms, state: "retried", words: ENDINGS[ending.kind] ?? "" };
    return { ...about, ended: null, state: "running", words: "running" };
  });
}

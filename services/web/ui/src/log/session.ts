// Every decision about reading one run's log, as one pure function: what is known and what just
// happened → what is known now, and what to do about it. `Follow` turns events into inputs and
// carries out the commands. No sockets, no clock, no DOM.

import type { LogWindow } from "../api";
import type { Verdict } from "../protocol/verifier";
import type { Answer, LiveLine, Message } from "./model/messages";
import {
  type Checked,
  type Command,
  type Input,
  isOver,
  NOTHING_RECEIVED,
  type State,
} from "./state";

/** Lines fetched when the page is opened; earlier ones are loaded when asked for. */
export const OPENING_LINES = 2_000;
/** More lines behind than this after an absence: the page goes on at the tail. */
export const MAX_BEHIND_LINES = 50_000;
/** From this many failed connection attempts on the log is also read over HTTP. */
export const FAILURES_BEFORE_HTTP = 2;
export const POLL_MS = 2_000;
/** What came is acknowledged after so many payload bytes, or so much time. */
export const ACKNOWLEDGE_BYTES = 64 * 1024;
export const ACKNOWLEDGE_MS = 1_000;
/** A relay that cannot serve us now is asked again after this time, and up to as much more at random. */
export const RETRY_MS = 2_000;
/** As many rows as can be drawn again and again; no shipper sends more. */
const MAX_LIVE_ROWS = 100;

const ANOTHER_LOG = "the store has another log than the one that was shown";

export type Step = readonly [state: State, commands: readonly Command[]];

const CANCEL_RETRY: Command = { type: "cancel", timer: "retry" };
const CANCEL_POLL: Command = { type: "cancel", timer: "poll" };
const CANCEL_ACKNOWLEDGE: Command = { type: "cancel", timer: "acknowledge" };

export function step(state: State, input: Input): Step {
  switch (input.type) {
    case "connected":
      return connected({ ...state, connected: true, failures: 0 });
    case "disconnected":
      return disconnected(state, input.failures);
    case "answered":
      return isAwaited(state, input.request) ? answered(state, input.answer) : [state, []];
    case "unsubscribed":
    case "retry":
      if (input.type === "unsubscribed" && !isAwaited(state, input.request)) return [state, []];
      return subscribe(state);
    case "message":
      return message(state, input.message, input.now);
    case "live-line":
      if (isOver(state)) return [state, []];
      return [withLive({ ...state, lastHeard: input.now }, input.live), []];
    case "reset":
      return relayReset(state, input.epoch, input.reason);
    case "denied":
      return isOver(state) ? [state, []] : refuse({ ...state, live: null }, input.why, true);
    case "poll":
      return fetchWindow(state);
    case "acknowledge":
      return acknowledge(state);
    case "window":
      if (input.request !== state.request || isOver(state)) return [state, []];
      return windowFetched(state, input.window, input.now);
    case "window-failed":
      if (input.request !== state.request || isOver(state)) return [state, []];
      return windowFailed(state, input.status, input.message);
    case "checked":
      return checked(state, input);
    case "mismatch":
      return finish({ ...state, ...shown(state, input) });
    case "extended":
      return [{ ...state, ...shown(state, input) }, []];
    case "contradiction":
      return [{ ...state, verdict: unverified(state, input.text) }, []];
    case "another-log":
      return restart(state, ANOTHER_LOG);
    case "closed":
      return isOver(state) ? [state, []] : finish(state);
  }
}

/** One step after another. */
function then([before, first]: Step, next: (state: State) => Step): Step {
  const [state, second] = next(before);
  return [state, [...first, ...second]];
}

function isAwaited(state: State, request: number): boolean {
  return request === state.request && state.connected && !isOver(state);
}

function subscribe(state: State): Step {
  if (isOver(state) || state.httpOnly || !state.connected) return [state, []];
  const request = state.request + 1;
  return [
    { ...state, request, subscribed: false, early: [], received: NOTHING_RECEIVED },
    [CANCEL_RETRY, CANCEL_ACKNOWLEDGE, { type: "subscribe", request, position: state.position }],
  ];
}

function fetchWindow(state: State): Step {
  if (isOver(state)) return [state, []];
  const request = state.request + 1;
  return [
    { ...state, request },
    [CANCEL_POLL, { type: "fetch", request, position: state.position }],
  ];
}

function connected(state: State): Step {
  // Who reads over HTTP only does so whatever becomes of the socket.
  return state.httpOnly ? [state, []] : then([state, [CANCEL_POLL]], subscribe);
}

function disconnected(before: State, failures: number | null): Step {
  const state: State = {
    ...before,
    connected: false,
    failures: failures ?? before.failures,
    subscribed: false,
    early: [],
    received: NOTHING_RECEIVED,
  };
  if (state.httpOnly) return [state, []];
  const stopped: Step = [state, [CANCEL_RETRY, CANCEL_POLL, CANCEL_ACKNOWLEDGE]];
  return state.failures >= FAILURES_BEFORE_HTTP ? then(stopped, fetchWindow) : stopped;
}

function answered(state: State, answer: Answer | null): Step {
  if (answer === null) return subscribe(state);
  if (!answer.ok) return notAnswered(state, answer);
  // The event with the reason follows or came before.
  if (answer.reset) return [state, []];
  const epoch = answer.epoch ?? 0;
  if (isAnother(state, epoch)) return restart(state, ANOTHER_LOG);
  const lines = (answer.record ?? answer).lines ?? 0;
  if (isFarBehind(state, lines)) {
    const request = state.request + 1;
    // What is sent for the old position must not reach the new view.
    return then(skip(state), (after) => [
      { ...after, request },
      [{ type: "unsubscribe", request }],
    ]);
  }
  const start = { epoch, line: answer.from ?? 1, chain: answer.chain ?? "" };
  return [
    {
      ...state,
      epoch,
      subscribed: true,
      early: [],
      opened: state.opened ?? (answer.record ?? answer).state ?? "running",
      phase: { name: "live" },
    },
    [
      { type: "backlog", lines },
      { type: "check", start, messages: state.early, relayed: true },
    ],
  ];
}

function notAnswered(state: State, { code, message }: Answer): Step {
  if (code !== "unavailable" && code !== "too-many") {
    return refuse(state, message ?? "The server refused the request.");
  }
  // The API may know what the relay cannot give now.
  return then(fetchWindow({ ...state, phase: { name: "opening" } }), (after) => [
    after,
    [{ type: "wait", timer: "retry", ms: RETRY_MS, spread: RETRY_MS }],
  ]);
}

function refuse(state: State, why: string, denied = false): Step {
  return [
    { ...state, phase: { name: "refused", why, denied } },
    [CANCEL_RETRY, CANCEL_POLL, CANCEL_ACKNOWLEDGE],
  ];
}

/** What is stored now is not what is shown: never mixed. */
function isAnother(state: State, epoch: number): boolean {
  return state.epoch !== null && state.epoch !== epoch;
}

function isFarBehind({ position }: State, lines: number): boolean {
  return position !== null && lines - (position.line - 1) > MAX_BEHIND_LINES;
}

/**
 * Go on at the tail. The lines between are fetched when they are looked at; what can
 * be claimed begins anew with the tail, for nothing connects it to what was checked.
 */
function skip(state: State): Step {
  return [
    {
      ...state,
      position: null,
      subscribed: false,
      live: null,
      skips: state.skips + 1,
      // Sections may have begun and ended between.
      changes: state.changes + 1,
    },
    [{ type: "skip" }],
  ];
}

function message(before: State, message: Message, now: number): Step {
  if (isOver(before)) return [before, []];
  const state = { ...before, lastHeard: now };
  if (!state.subscribed) return [{ ...state, early: [...state.early, message] }, []];
  return [state, [{ type: "check", start: null, messages: [message], relayed: true }]];
}

function relayReset(state: State, epoch: number, reason: string): Step {
  if (isOver(state)) return [state, []];
  // Twice in the same epoch: the stored log contradicts itself. Read as it is, it is
  // shown up to the entry that does not fit, and that entry is named.
  const httpOnly = state.httpOnly || epoch === state.resetEpoch;
  return restart({ ...state, httpOnly, resetEpoch: epoch }, reason);
}

/** The shown log is void: begin again. */
function restart(state: State, reason: string): Step {
  if (state.phase.name === "refused") return [state, []];
  const cleared: State = {
    ...state,
    // Responses to what was asked for the old log mean nothing for the new one.
    request: state.request + 1,
    subscribed: false,
    early: [],
    epoch: null,
    position: null,
    range: { from: 1, next: 1 },
    live: null,
    verdict: null,
    resetReason: reason,
    phase: { name: "opening" },
  };
  const readsOverHttp =
    state.httpOnly || state.phase.name === "http" || state.failures >= FAILURES_BEFORE_HTTP;
  const next = state.connected && !state.httpOnly ? subscribe : readsOverHttp ? fetchWindow : stay;
  return then([cleared, [{ type: "clear" }]], next);
}

function stay(state: State): Step {
  return [state, []];
}

function windowFetched(state: State, window: LogWindow, now: number): Step {
  const { position } = state;
  const { epoch, from: line, chain } = window;
  const continues =
    position === null ||
    (epoch === position.epoch && line === position.line && chain === position.chain);
  if (!continues || isAnother(state, epoch)) return restart(state, ANOTHER_LOG);
  if (isFarBehind(state, window.lines)) return then(skip(state), pollAgain);
  const read: State = {
    ...state,
    epoch,
    phase: { name: "http" },
    lastHeard: now,
    opened: state.opened ?? window.state,
  };
  const start = { epoch, line, chain };
  const messages = [{ epoch, entries: window.entries }];
  return then([read, [{ type: "check", start, messages, relayed: false }]], pollAgain);
}

function windowFailed(state: State, status: number, message: string): Step {
  if (status === 409) return restart(state, ANOTHER_LOG);
  return status === 404 || status === 403 ? refuse(state, message) : pollAgain(state);
}

function pollAgain(state: State): Step {
  if (isOver(state) || (state.connected && !state.httpOnly)) return [state, []];
  return [state, [{ type: "wait", timer: "poll", ms: POLL_MS, spread: 0 }]];
}

function checked(before: State, input: Input & { type: "checked" }): Step {
  const changes = before.changes + (input.events ? 1 : 0);
  const state = { ...before, ...shown(before, input), changes };
  if (input.ended) return finish(state);
  return receive(withLive(state, state.live), input.bytes, input.newest);
}

/** Count what came from the relay, and acknowledge it: at once after many bytes, else in a moment. */
function receive(before: State, bytes: number, newest: number): Step {
  if (bytes === 0) return [before, []];
  const { received } = before;
  const state: State = {
    ...before,
    received: { ...received, bytes: received.bytes + bytes, newest: newest || received.newest },
  };
  const due = state.received.bytes - received.acknowledgedBytes >= ACKNOWLEDGE_BYTES;
  if (due) return acknowledge(state);
  if (received.waiting) return [state, []];
  return [
    { ...state, received: { ...state.received, waiting: true } },
    [{ type: "wait", timer: "acknowledge", ms: ACKNOWLEDGE_MS, spread: 0 }],
  ];
}

/** For entries that are checked, drawn or not: a hidden page draws nothing, and must not look like a stalled one. */
function acknowledge(before: State): Step {
  const { bytes, acknowledgedBytes, newest } = before.received;
  const state: State = { ...before, received: { ...before.received, waiting: false } };
  const due = bytes > acknowledgedBytes && state.connected && !isOver(state);
  if (!due) return [state, [CANCEL_ACKNOWLEDGE]];
  return [
    { ...state, received: { ...state.received, acknowledgedBytes: bytes } },
    [CANCEL_ACKNOWLEDGE, { type: "acknowledge", bytes, newest }],
  ];
}

function shown(
  { verdict: before }: State,
  { from, position, verdict }: Checked,
): Pick<State, "range" | "position" | "verdict"> {
  // What did not fit once is never taken back.
  const kept = before?.verified === false ? before : verdict;
  return { position, range: { from, next: position?.line ?? 1 }, verdict: kept };
}

function unverified({ range }: State, text: string): Verdict {
  return { verified: false, from: range.from, lines: range.next - 1, text };
}

function finish(state: State): Step {
  return [
    { ...state, live: null, phase: { name: "over" } },
    [CANCEL_RETRY, CANCEL_POLL, CANCEL_ACKNOWLEDGE, { type: "leave" }],
  ];
}

/** Once the line is stored only the progress stays, which holds until the next one. */
function withLive(state: State, live: LiveLine | null): State {
  return { ...state, live: live && current(live, state.position?.line ?? 1) };
}

function current(live: LiveLine, next: number): LiveLine | null {
  const { line, progress } = live;
  if (line < next) return progress ? { line, text: "", progress } : null;
  if (live.rows) return { ...live, rows: live.rows.slice(-MAX_LIVE_ROWS) };
  return live.text || progress ? live : null;
}

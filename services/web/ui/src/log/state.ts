// What is known about the reading of one run's log, what may happen to it, and what may be done.

import type { LogWindow, Run } from "../api";
import type { Position } from "../protocol/cursor";
import type { Verdict } from "../protocol/verifier";
import type { Answer, LiveLine, Message } from "./model/messages";

export type Phase =
  | { readonly name: "opening" }
  | { readonly name: "live" }
  | { readonly name: "http" }
  /** Verified or not, nothing more will come. */
  | { readonly name: "over" }
  /** `denied`: the right to read it was taken away. */
  | { readonly name: "refused"; readonly why: string; readonly denied: boolean };

export interface State {
  readonly phase: Phase;
  readonly connected: boolean;
  /** Connection attempts that failed in a row. */
  readonly failures: number;
  /** The relay's stream contradicts itself: read what is stored, whatever the socket could do. */
  readonly httpOnly: boolean;
  /** Number of the newest request. Only its response counts. */
  readonly request: number;
  /** The relay has confirmed where its messages begin. */
  readonly subscribed: boolean;
  /** Messages that came before that confirmation. */
  readonly early: readonly Message[];
  /** The epoch of what is shown; null before anything is. */
  readonly epoch: number | null;
  /** The epoch of the last reset. */
  readonly resetEpoch: number;
  /** Where to go on reading; null before the first answer. */
  readonly position: Position | null;
  /** First line that is checked, and the next line to come. */
  readonly range: { readonly from: number; readonly next: number };
  readonly live: LiveLine | null;
  readonly verdict: Verdict | null;
  /** Why the shown log is a new one, if it is. */
  readonly resetReason: string | null;
  /** Rises with every event entry: the record has changed. */
  readonly changes: number;
  /** Rises when too much had come during an absence, and the page went on at the tail. */
  readonly skips: number;
  /** Time of the relay's last message, or of the last window (ms since 1970). */
  readonly lastHeard: number;
  /** The state of the run when its log was opened; null before. */
  readonly opened: Run["state"] | null;
  readonly received: Received;
}

/** What this subscription has received, and how much of it is acknowledged. */
export interface Received {
  /** Payload bytes. */
  readonly bytes: number;
  readonly acknowledgedBytes: number;
  /** When the newest entry was written, by the store's clock (ms since 1970). */
  readonly newest: number;
  /** An acknowledgement will be given in a moment. */
  readonly waiting: boolean;
}

export const NOTHING_RECEIVED: Received = {
  bytes: 0,
  acknowledgedBytes: 0,
  newest: 0,
  waiting: false,
};

/** `now` in ms since 1970. */
export function initialState(now: number): State {
  return {
    phase: { name: "opening" },
    connected: false,
    failures: 0,
    httpOnly: false,
    request: 0,
    subscribed: false,
    early: [],
    epoch: null,
    resetEpoch: 0,
    position: null,
    range: { from: 1, next: 1 },
    live: null,
    verdict: null,
    resetReason: null,
    changes: 0,
    skips: 0,
    lastHeard: now,
    opened: null,
    received: NOTHING_RECEIVED,
  };
}

/** What the verifier says after it was given something. */
export interface Checked {
  readonly from: number;
  readonly position: Position | null;
  readonly verdict: Verdict | null;
}

export type Input =
  | { readonly type: "connected" }
  /** Gone, or not there yet. `failures`: attempts that failed in a row, where that is known. */
  | { readonly type: "disconnected"; readonly failures: number | null }
  // The relay's responses; `answer` is null if none came in time.
  | { readonly type: "answered"; readonly request: number; readonly answer: Answer | null }
  | { readonly type: "unsubscribed"; readonly request: number }
  // What the relay sends by itself.
  | { readonly type: "message"; readonly message: Message; readonly now: number }
  | { readonly type: "live-line"; readonly live: LiveLine; readonly now: number }
  | { readonly type: "reset"; readonly epoch: number; readonly reason: string }
  | { readonly type: "denied"; readonly why: string }
  // The API's responses.
  | {
      readonly type: "window";
      readonly request: number;
      readonly window: LogWindow;
      readonly now: number;
    }
  | {
      readonly type: "window-failed";
      readonly request: number;
      readonly status: number;
      readonly message: string;
    }
  // Timers.
  | { readonly type: "retry" }
  | { readonly type: "poll" }
  | { readonly type: "acknowledge" }
  /**
   * The verifier's results. `events`: event entries were among the items. `ended`: the run's end was.
   * `bytes`: of payload, from the relay. `newest`: time of the newest entry, 0 if there is none.
   */
  | ({
      readonly type: "checked";
      readonly events: boolean;
      readonly ended: boolean;
      readonly bytes: number;
      readonly newest: number;
    } & Checked)
  /** What came does not continue what was checked. */
  | ({ readonly type: "mismatch" } & Checked)
  /** Earlier lines were checked as well. */
  | ({ readonly type: "extended" } & Checked)
  /** Lines fetched out of order do not fit. */
  | { readonly type: "contradiction"; readonly text: string }
  /** Lines fetched out of order belong to another epoch. */
  | { readonly type: "another-log" }
  /** Nobody looks at it any more. */
  | { readonly type: "closed" };

export type Timer = "retry" | "poll" | "acknowledge";

export type Command =
  /** Subscribe from a position; null: from the last lines on. Its response is `answered`. */
  | { readonly type: "subscribe"; readonly request: number; readonly position: Position | null }
  /** Its response is `unsubscribed`. */
  | { readonly type: "unsubscribe"; readonly request: number }
  /** Tell the relay how much this subscription has received: it need not guess how much is under way. */
  | { readonly type: "acknowledge"; readonly bytes: number; readonly newest: number }
  /** Nothing more is wanted: tell the relay. */
  | { readonly type: "leave" }
  /** Read a window over HTTP. Its response is `window` or `window-failed`. */
  | { readonly type: "fetch"; readonly request: number; readonly position: Position | null }
  /**
   * Verify entries and draw what is in order, up to the first that is not or to the run's end.
   * `start`: where the server says they begin. `relayed`: they came from the relay.
   */
  | {
      readonly type: "check";
      readonly start: Position | null;
      readonly messages: readonly Pick<Message, "epoch" | "entries">[];
      readonly relayed: boolean;
    }
  /** Forget everything that is shown. */
  | { readonly type: "clear" }
  /** Keep what is shown, and begin to verify anew at another place. */
  | { readonly type: "skip" }
  /** The log had so many lines when it was opened. */
  | { readonly type: "backlog"; readonly lines: number }
  /** `spread`: up to so much is added at random, so that pages do not come all at once. */
  | {
      readonly type: "wait";
      readonly timer: Timer;
      readonly ms: number;
      readonly spread: number;
    }
  | { readonly type: "cancel"; readonly timer: Timer };

export function isOver({ phase }: State): boolean {
  return phase.name === "over" || phase.name === "refused";
}

// Keeps one run's view going: turns what the relay, the API, the verifier and the timers say into
// inputs of `session.ts`, which decides, and carries out its commands.

import { batch, computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { logWindow, Problem } from "../api";
import { Discontinuity, type Position } from "../protocol/cursor";
import { type Item, isCut, ProtocolError, VERSION } from "../protocol/entry";
import { Verifier } from "../protocol/verifier";
import { inSlices } from "../slices";
import type { Tail } from "../socket";
import { historyBefore } from "./history";
import type { Answer, Denied, LiveLine, Message, Reset } from "./model/messages";
import { OPENING_LINES, step } from "./session";
import {
  type Checked,
  type Command,
  type Input,
  initialState,
  type State,
  type Timer,
} from "./state";

const WINDOW_LINES = 2_000;
const ANSWER_WITHIN_MS = 15_000;

/** What the log's list draws. */
export interface LogSink {
  append(items: readonly Item[]): void;
  prepend(items: readonly Item[]): void;
  clear(): void;
  /** The log has so many lines when it is opened. */
  opened(lines: number): void;
  /** This was followed and checked, and what comes next does not continue it. */
  verified(from: Position, to: Position): void;
}

export class Follow {
  readonly #state = signal(initialState(Date.now()));
  readonly phase = this.#part("phase");
  readonly live = this.#part("live");
  readonly verdict = this.#part("verdict");
  readonly resetReason = this.#part("resetReason");
  readonly range = this.#part("range");
  readonly changes = this.#part("changes");
  readonly lastHeard = this.#part("lastHeard");
  readonly skips = this.#part("skips");
  readonly opened = this.#part("opened");

  readonly #run: string;
  readonly #tail: Tail;
  readonly #sink: LogSink;
  #verifier = new Verifier();
  readonly #inputs: Input[] = [];
  #stepping = false;
  readonly #timers = new Map<Timer, ReturnType<typeof setTimeout>>();

  /** `closed`: nobody looks at it any more. */
  constructor(run: string, tail: Tail, sink: LogSink, closed: AbortSignal) {
    this.#run = run;
    this.#tail = tail;
    this.#sink = sink;
    const { socket } = tail;
    const heard = {
      "tail-message": (message: Message) => {
        if (typeof message !== "object" || message?.run !== run) return;
        this.#send({ type: "message", message, now: Date.now() });
      },
      "tail-live": (live: LiveLine & { run?: string }) => {
        if (live.run !== undefined && live.run !== run) return;
        this.#send({ type: "live-line", live, now: Date.now() });
      },
      "tail-reset": ({ run: which, epoch, why, reason }: Reset) => {
        if (which !== run) return;
        this.#send({
          type: "reset",
          epoch,
          reason: why ?? reason ?? "the store has another log now",
        });
      },
      denied: ({ run: which, why }: Denied) => {
        if (which !== run) return;
        this.#send({ type: "denied", why: why ?? "You may no longer read this run." });
      },
    };
    for (const [name, hear] of Object.entries(heard)) socket.on(name, hear);
    const stop = effect(() => {
      const connection = tail.connection.value;
      if (connection.state === "connected") this.#send({ type: "connected" });
      else {
        const failures = connection.state === "lost" ? connection.failures : null;
        this.#send({ type: "disconnected", failures });
      }
    });
    closed.addEventListener("abort", () => {
      stop();
      for (const [name, hear] of Object.entries(heard)) socket.off(name, hear);
      this.#send({ type: "closed" });
    });
  }

  #part<K extends keyof State>(name: K): ReadonlySignal<State[K]> {
    return computed(() => this.#state.value[name]);
  }

  /** Let an input be decided on, and do what follows from it; the page learns of it all at once. */
  #send(input: Input): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      batch(() => {
        for (let next = this.#inputs.shift(); next; next = this.#inputs.shift()) {
          const [state, commands] = step(this.#state.peek(), next);
          this.#state.value = state;
          for (const command of commands) this.#carryOut(command);
        }
      });
    } finally {
      this.#stepping = false;
    }
  }

  #carryOut(command: Command): void {
    switch (command.type) {
      case "subscribe":
        this.#subscribe(command.request, command.position);
        break;
      case "unsubscribe": {
        const { request } = command;
        this.#tail.socket
          .timeout(ANSWER_WITHIN_MS)
          .emit("unsubscribe", { run: this.#run }, () =>
            this.#send({ type: "unsubscribed", request }),
          );
        break;
      }
      case "acknowledge": {
        const { bytes, newest: t } = command;
        // The relay measures how long output takes to somebody who sees it.
        const seen = document.visibilityState === "visible" ? { t } : {};
        this.#tail.socket.emit("ack", { run: this.#run, bytes, ...seen });
        break;
      }
      case "leave":
        this.#tail.socket.emit("unsubscribe", { run: this.#run });
        break;
      case "fetch":
        void this.#fetch(command.request, command.position);
        break;
      case "check":
        this.#check(command);
        break;
      case "clear":
        this.#verifier = new Verifier();
        this.#sink.clear();
        break;
      case "skip": {
        const { verifiedFrom, position } = this.#verifier;
        if (verifiedFrom && position) this.#sink.verified(verifiedFrom, position);
        this.#verifier = new Verifier();
        break;
      }
      case "backlog":
        this.#sink.opened(command.lines);
        break;
      case "wait": {
        const { timer, ms, spread } = command;
        clearTimeout(this.#timers.get(timer));
        const wait = ms + Math.random() * spread;
        this.#timers.set(
          timer,
          setTimeout(() => this.#send({ type: timer }), wait),
        );
        break;
      }
      case "cancel":
        clearTimeout(this.#timers.get(command.timer));
        break;
    }
  }

  #subscribe(request: number, position: Position | null): void {
    const where =
      position === null
        ? { from: -OPENING_LINES }
        : { epoch: position.epoch, from: position.line, chain: position.chain };
    this.#tail.socket
      .timeout(ANSWER_WITHIN_MS)
      .emit(
        "subscribe",
        { v: VERSION, run: this.#run, ...where },
        (error: Error | null, answer: Answer) =>
          this.#send({ type: "answered", request, answer: error ? null : answer }),
      );
  }

  async #fetch(request: number, position: Position | null): Promise<void> {
    const from = position?.line ?? -OPENING_LINES;
    try {
      const window = await logWindow(this.#run, from, WINDOW_LINES, position?.chain ?? null);
      this.#send({ type: "window", request, window, now: Date.now() });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { status, message } = error;
      this.#send({ type: "window-failed", request, status, message });
    }
  }

  /** Verify and draw; the result is decided on next. */
  #check({ start, messages, relayed }: Command & { type: "check" }): void {
    let [events, bytes, newest] = [false, 0, 0];
    try {
      if (start) this.#verifier.begin(start);
      for (const { entries, epoch } of messages) {
        if (this.#verifier.end !== null) break;
        const items = this.#verifier.feed(entries, epoch);
        this.#sink.append(items);
        for (const item of items) {
          if (isCut(item)) continue;
          events ||= item.type === "e";
          if (relayed) [bytes, newest] = [bytes + item.payload.length, item.t];
        }
      }
      const ended = this.#verifier.end !== null;
      this.#inputs.unshift({ type: "checked", ...this.#checked, events, ended, bytes, newest });
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error instanceof Discontinuity) this.#sink.append(error.taken);
      const { from, position, verdict } = this.#checked;
      const text = `does not match the protocol: ${error.message}`;
      const lines = (position?.line ?? 1) - 1;
      this.#inputs.unshift({
        type: "mismatch",
        from,
        position,
        verdict: verdict ?? { verified: false, from, lines, text },
      });
    }
  }

  get #checked(): Checked {
    const { verifiedFrom, position, verdict } = this.#verifier;
    return { from: verifiedFrom?.line ?? 1, position, verdict };
  }

  /** The run was over when its log was opened. */
  get openedOver(): boolean {
    const state = this.opened.peek();
    return state !== null && state !== "queued" && state !== "running";
  }

  /** The history that is read, or null before the first answer. */
  get epoch(): number | null {
    return this.#verifier.position?.epoch ?? null;
  }

  /** Where the checked part begins. */
  get verifiedFrom(): Position | null {
    return this.#verifier.verifiedFrom;
  }

  /** Move the beginning of the checked part up by a window that reaches it; its items, or null if it is void. */
  async extend(start: Position, values: readonly unknown[]): Promise<Item[] | null> {
    const verifier = this.#verifier;
    const items = await inSlices(verifier.prepending(start, values));
    if (verifier !== this.#verifier) return null;
    this.#send({ type: "extended", ...this.#checked });
    return items;
  }

  /** A window of the history does not fit: said, and never repaired in silence. */
  mismatch(error: Discontinuity): void {
    this.#send({ type: "contradiction", text: `does not match its chain: ${error.message}` });
  }

  /** Load the lines before the first checked line, and check it. */
  async loadBefore(lines: number): Promise<void> {
    const verifier = this.#verifier;
    const before = verifier.verifiedFrom;
    if (before === null || before.line <= 1) return;
    const window = await historyBefore(this.#run, before, lines);
    if (verifier !== this.#verifier) return;
    if (window.epoch !== before.epoch) {
      this.#send({ type: "another-log" });
      return;
    }
    try {
      const items = await this.extend(window.start, window.entries);
      if (items !== null) this.#sink.prepend(items);
    } catch (error) {
      if (!(error instanceof Discontinuity)) throw error;
      this.mismatch(error);
    }
  }
}

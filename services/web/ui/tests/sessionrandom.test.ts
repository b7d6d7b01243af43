// The decisions about reading a log, whatever comes in whatever order.

import { expect, test } from "vitest";
import { step } from "../src/log/session";
import {
  type Command,
  type Input,
  initialState,
  isOver,
  type State,
  type Timer,
} from "../src/log/state";
import type { Position } from "../src/protocol/cursor";
import { at, checked, message, NOW, RUNNING, windowAt } from "./sessioninputs";

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A relay, an API, a verifier and timers that do anything they may do, in any order. */
class World {
  state = initialState(NOW);
  readonly #random: () => number;
  /** What the server stores. */
  #epoch = 1;
  #lines = 40;
  #sent = 0;
  readonly #subscribes = new Map<number, Position | null>();
  readonly #unsubscribes = new Set<number>();
  readonly #fetches = new Map<number, Position | null>();
  readonly #timers = new Set<Timer>();
  #newest = 0;

  constructor(seed: number) {
    this.#random = random(seed);
  }

  run(inputs: number): void {
    for (let i = 0; i < inputs; i += 1) this.#give(this.#input());
  }

  #chance(part: number): boolean {
    return this.#random() < part;
  }

  #pick<T>(from: Iterable<T>): T | undefined {
    const all = [...from];
    return all[Math.floor(this.#random() * all.length)];
  }

  #input(): Input {
    const { state } = this;
    const choices: (() => Input | null)[] = [
      () => ({ type: "connected" }),
      () => ({ type: "disconnected", failures: this.#pick([null, 1, 2, 7]) ?? null }),
      () => this.#answer(),
      () => this.#answer(),
      () => this.#answer(),
      () => {
        const request = this.#pick(this.#unsubscribes);
        if (request === undefined) return null;
        this.#unsubscribes.delete(request);
        return { type: "unsubscribed", request };
      },
      () => this.#window(),
      () => this.#window(),
      () => this.#message(),
      () => this.#message(),
      () => ({
        type: "live-line",
        live: { line: Math.floor(this.#random() * 60_000), text: "…", progress: null },
        now: NOW,
      }),
      () => {
        const timer = this.#pick(this.#timers);
        if (timer) this.#timers.delete(timer);
        return timer ? { type: timer } : null;
      },
      () => {
        if (!state.connected || !this.#chance(0.3)) return null;
        if (this.#chance(0.8)) this.#begin();
        return { type: "reset", epoch: this.#epoch, reason: "lost" };
      },
      () => {
        this.#lines += this.#chance(0.1) ? 60_000 : 10;
        return null;
      },
      () => (this.#chance(0.1) ? { type: "another-log" } : null),
      () => (this.#chance(0.01) ? { type: "denied", why: "not any more" } : null),
      () => (this.#chance(0.1) ? { type: "contradiction", text: "does not fit" } : null),
    ];
    return this.#pick(choices)?.() ?? { type: "extended", ...this.#checked() };
  }

  #begin(): void {
    this.#epoch += 1;
    this.#lines = 40;
  }

  #checked() {
    const { position, verdict, range } = this.state;
    return { from: range.from, position, verdict: verdict?.verified ? verdict : null };
  }

  #answer(): Input | null {
    const request = this.#pick(this.#subscribes.keys());
    if (request === undefined) return null;
    const from = this.#subscribes.get(request) ?? null;
    this.#subscribes.delete(request);
    if (this.#chance(0.1)) return { type: "answered", request, answer: null };
    if (this.#chance(0.1)) {
      return { type: "answered", request, answer: { ok: false, code: "too-many" } };
    }
    if (this.#chance(0.01)) {
      return { type: "answered", request, answer: { ok: false, code: "no-run" } };
    }
    const { epoch, line, chain } = from?.epoch === this.#epoch ? from : at(1, this.#epoch);
    this.#sent = line;
    const record = { ...RUNNING, lines: this.#lines };
    return { type: "answered", request, answer: { ok: true, epoch, from: line, chain, record } };
  }

  #window(): Input | null {
    const request = this.#pick(this.#fetches.keys());
    if (request === undefined) return null;
    const from = this.#fetches.get(request);
    this.#fetches.delete(request);
    const status = this.#pick([409, 503, 0]) ?? 0;
    if (this.#chance(0.2)) return { type: "window-failed", request, status, message: "no" };
    if (this.#chance(0.01)) {
      return { type: "window-failed", request, status: 404, message: "gone" };
    }
    const position = from?.epoch === this.#epoch ? from : at(1, this.#epoch);
    return { type: "window", request, window: windowAt(position, this.#lines), now: NOW };
  }

  #message(): Input | null {
    if (!this.state.connected || this.#sent >= this.#lines) return null;
    this.#sent += 10;
    return { type: "message", message: message(this.#epoch), now: NOW };
  }

  /** As the shell does it: what the verifier says is decided on next, when all commands are carried out. */
  #give(input: Input): void {
    const queue = [input];
    for (let next = queue.shift(); next; next = queue.shift()) {
      const before = Object.freeze(this.state);
      const [state, commands] = step(before, next);
      this.state = state;
      this.#hold(before, next, commands);
      for (const command of commands) queue.push(...this.#carryOut(command));
    }
    this.#alive();
  }

  #hold(before: State, input: Input, commands: readonly Command[]): void {
    const { state } = this;
    const asks = commands.filter(({ type }) => type === "subscribe" || type === "fetch");
    expect(asks.length).toBeLessThanOrEqual(1);
    if ("request" in input && input.request !== before.request) {
      expect([state, commands]).toEqual([before, []]);
    }
    if (isOver(before) && input.type !== "another-log") {
      expect(isOver(state)).toBe(true);
      expect(commands.filter(({ type }) => type !== "cancel")).toEqual([]);
    }
    if (before.phase.name === "refused") expect(state.phase).toEqual(before.phase);
    for (const command of commands) {
      if (command.type === "subscribe")
        expect([state.connected, state.httpOnly]).toEqual([true, false]);
      if (command.type === "acknowledge") {
        expect(command.bytes).toBeGreaterThan(before.received.acknowledgedBytes);
      }
      if (command.type === "check" && command.start === null) expect(before.subscribed).toBe(true);
    }
    const cleared = commands.some(({ type }) => type === "clear");
    const skipped = commands.some(({ type }) => type === "skip");
    // Within an epoch a position never goes back; it is forgotten only with what it led to.
    if (!cleared && !skipped && before.position) {
      expect(state.position?.epoch).toBe(before.position.epoch);
      expect(state.position?.line).toBeGreaterThanOrEqual(before.position.line);
    }
    if (before.verdict?.verified === false && !cleared) {
      expect(state.verdict?.verified).toBe(false);
    }
    if (state.epoch !== before.epoch && before.epoch !== null) expect(cleared).toBe(true);
  }

  #carryOut(command: Command): Input[] {
    if ("request" in command) {
      expect(command.request).toBeGreaterThan(this.#newest);
      this.#newest = command.request;
    }
    switch (command.type) {
      case "subscribe":
        this.#subscribes.set(command.request, command.position);
        break;
      case "unsubscribe":
        this.#unsubscribes.add(command.request);
        break;
      case "fetch":
        this.#fetches.set(command.request, command.position);
        break;
      case "wait":
        this.#timers.add(command.timer);
        break;
      case "cancel":
        this.#timers.delete(command.timer);
        break;
      case "check": {
        // What is shown is of one epoch; messages of another one are a mismatch.
        const from = command.start ?? this.state.position ?? at(1, this.#epoch);
        if (command.start && this.state.position) {
          expect(command.start).toEqual(this.state.position);
        }
        const fits = command.messages.every(({ epoch }) => epoch === from.epoch);
        const position = at(from.line + 10, from.epoch);
        const ended = this.#chance(0.01);
        const relayedBytes = command.relayed ? Math.floor(this.#random() * 50_000) : 0;
        if (fits)
          return [
            checked(position, {
              ended,
              events: this.#chance(0.5),
              bytes: relayedBytes,
              newest: NOW,
            }),
          ];
        const verdict = { verified: false, from: 1, lines: 0, text: "epoch" };
        return [{ type: "mismatch", from: 1, position: from, verdict }];
      }
    }
    return [];
  }

  /** Something is under way that leads on, or the reading is over, or there is no connection yet. */
  #alive(): void {
    const { state } = this;
    if (isOver(state)) {
      expect([...this.#timers]).toEqual([]);
      return;
    }
    const asked = [this.#subscribes, this.#unsubscribes, this.#fetches].some((open) =>
      open.has(state.request),
    );
    if (state.httpOnly) expect(asked || this.#timers.has("poll")).toBe(true);
    else if (state.connected) {
      expect(state.subscribed || asked || this.#timers.has("retry")).toBe(true);
    } else if (state.failures >= 2) expect(asked || this.#timers.has("poll")).toBe(true);
  }
}

test.each(Array.from({ length: 60 }, (_, seed) => seed))(
  "whatever comes, in whatever order (%d)",
  (seed) => {
    new World(seed).run(200);
  },
);

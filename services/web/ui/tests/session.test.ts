// The decisions about reading a log, walked through state by state, and in random orders.

import { describe, expect, test } from "vitest";
import type { LogWindow, Run } from "../src/api";
import {
  ACKNOWLEDGE_BYTES,
  ACKNOWLEDGE_MS,
  MAX_BEHIND_LINES,
  POLL_MS,
  RETRY_MS,
  step,
} from "../src/log/session";
import {
  type Command,
  type Input,
  initialState,
  isOver,
  type State,
  type Timer,
} from "../src/log/state";
import { GENESIS } from "../src/protocol/chain";
import type { Position } from "../src/protocol/cursor";

const NOW = 1_000;
const RUNNING = { state: "running", lines: 40 } as Run;
const at = (line: number, epoch = 1): Position => ({ epoch, line, chain: `digest of ${line}` });
const START = { epoch: 1, line: 1, chain: GENESIS };
const OK: Input & { type: "answered" } = {
  type: "answered",
  request: 1,
  answer: { ok: true, epoch: 1, from: 1, chain: GENESIS, record: RUNNING },
};
const message = (epoch = 1) => ({ v: 1, run: "r", epoch, entries: [] });
const windowAt = (position: Position, lines = 40): LogWindow =>
  ({
    epoch: position.epoch,
    from: position.line,
    chain: position.chain,
    lines,
    state: "running",
    entries: [],
  }) as unknown as LogWindow;
const checked = (
  position: Position,
  more: Partial<Input & { type: "checked" }> = {},
): Input & { type: "checked" } => ({
  type: "checked",
  from: 1,
  position,
  verdict: null,
  events: false,
  ended: false,
  bytes: 0,
  newest: 0,
  ...more,
});

/** The state and the last commands after some inputs. */
function walk(...inputs: Input[]): { state: State; commands: readonly Command[] } {
  let state = initialState(NOW);
  let commands: readonly Command[] = [];
  for (const input of inputs) [state, commands] = step(state, input);
  return { state, commands };
}

const kinds = (commands: readonly Command[]) =>
  commands.map((command) =>
    command.type === "wait" || command.type === "cancel"
      ? `${command.type} ${command.timer}`
      : command.type,
  );

const LIVE: Input[] = [{ type: "connected" }, OK, checked(at(41))];

describe("over the socket", () => {
  test("a page that opens subscribes from the last lines on", () => {
    const { state, commands } = walk({ type: "connected" });
    expect(commands).toContainEqual({ type: "subscribe", request: 1, position: null });
    expect([state.phase.name, state.subscribed]).toEqual(["opening", false]);
  });

  test("messages that overtake the answer are checked behind it", () => {
    const early = message();
    const { state, commands } = walk(
      { type: "connected" },
      { type: "message", message: early, now: NOW },
      OK,
    );
    expect(commands).toEqual([
      { type: "backlog", lines: 40 },
      { type: "check", start: START, messages: [early], relayed: true },
    ]);
    expect([state.phase.name, state.early, state.opened]).toEqual(["live", [], "running"]);
  });

  test("a message is checked and acknowledged; one with an event changes the record", () => {
    const { commands } = walk(...LIVE, { type: "message", message: message(), now: NOW });
    expect(commands).toEqual([
      { type: "check", start: null, messages: [message()], relayed: true },
    ]);
    const { state } = walk(...LIVE, checked(at(45), { events: true, from: 3 }));
    expect([state.changes, state.range]).toEqual([1, { from: 3, next: 45 }]);
  });

  test("what is checked is acknowledged: at once after many bytes, else in a moment", () => {
    const some = walk(...LIVE, checked(at(45), { bytes: 100, newest: 7 }));
    expect(some.commands).toEqual([
      { type: "wait", timer: "acknowledge", ms: ACKNOWLEDGE_MS, spread: 0 },
    ]);
    const [more, none] = step(some.state, checked(at(46), { bytes: 50, newest: 8 }));
    expect(none).toEqual([]);
    const acknowledged = step(more, { type: "acknowledge" });
    expect(acknowledged[1]).toContainEqual({ type: "acknowledge", bytes: 150, newest: 8 });
    expect(kinds(step(acknowledged[0], { type: "acknowledge" })[1])).toEqual([
      "cancel acknowledge",
    ]);
    const many = checked(at(45), { bytes: ACKNOWLEDGE_BYTES, newest: 9 });
    expect(kinds(step(more, many)[1])).toEqual(["cancel acknowledge", "acknowledge"]);
    // A new subscription counts from 0, and what came over HTTP is not the relay's.
    const [gone] = step(more, { type: "disconnected", failures: 1 });
    expect(gone.received.bytes).toBe(0);
    expect(kinds(step(gone, { type: "acknowledge" })[1])).toEqual(["cancel acknowledge"]);
  });

  test("after an absence it resumes where it stood, and drops what waited for an answer", () => {
    const { state, commands } = walk(
      ...LIVE,
      { type: "disconnected", failures: 1 },
      { type: "message", message: message(), now: NOW },
      { type: "connected" },
    );
    expect(commands).toContainEqual({ type: "subscribe", request: 2, position: at(41) });
    expect([state.early, state.phase.name]).toEqual([[], "live"]);
  });

  test("far behind, it leaves the old place before it subscribes at the tail", () => {
    const lines = 40 + MAX_BEHIND_LINES + 1;
    const answer = { ...OK.answer, ok: true, from: 41, record: { ...RUNNING, lines } };
    const back: Input[] = [...LIVE, { type: "disconnected", failures: 1 }, { type: "connected" }];
    const { state, commands } = walk(...back, { type: "answered", request: 2, answer });
    expect(kinds(commands)).toEqual(["skip", "unsubscribe"]);
    expect([state.position, state.skips, state.epoch]).toEqual([null, 1, 1]);
    const tail = step(state, { type: "unsubscribed", request: state.request });
    expect(tail[1]).toContainEqual({ type: "subscribe", request: 4, position: null });
    const near = { ...answer, record: { ...RUNNING, lines: lines - 1 } };
    const same = walk(...back, { type: "answered", request: 2, answer: near });
    expect(kinds(same.commands)).toEqual(["backlog", "check"]);
  });

  test("an answer that does not come is asked for again; one to an older question is nothing", () => {
    const { state, commands } = walk(
      { type: "connected" },
      { type: "answered", request: 1, answer: null },
    );
    expect(kinds(commands)).toEqual(["cancel retry", "cancel acknowledge", "subscribe"]);
    expect(step(state, OK)).toEqual([state, []]);
  });

  test.each(["unavailable", "too-many"])("%s: it reads over HTTP and asks again later", (code) => {
    const { commands } = walk(
      { type: "connected" },
      { type: "answered", request: 1, answer: { ok: false, code } },
    );
    expect(kinds(commands)).toEqual(["cancel poll", "fetch", "wait retry"]);
    expect(commands).toContainEqual({
      type: "wait",
      timer: "retry",
      ms: RETRY_MS,
      spread: RETRY_MS,
    });
  });

  test("what the relay refuses is not asked for again", () => {
    const { state } = walk(
      { type: "connected" },
      { type: "answered", request: 1, answer: { ok: false, code: "no-run", message: "Gone." } },
    );
    expect(state.phase).toEqual({ name: "refused", why: "Gone." });
    for (const input of [{ type: "connected" }, { type: "retry" }, { type: "poll" }] as const) {
      expect(kinds(step(state, input)[1])).not.toContain("subscribe");
      expect(kinds(step(state, input)[1])).not.toContain("fetch");
    }
  });

  test("the end of the run is the end of the reading", () => {
    const verdict = { verified: true, from: 1, lines: 44, text: "complete" };
    const { state, commands } = walk(...LIVE, checked(at(45), { ended: true, verdict }));
    expect(kinds(commands)).toEqual(["cancel retry", "cancel poll", "cancel acknowledge", "leave"]);
    expect([state.phase.name, state.verdict]).toEqual(["over", verdict]);
    const later: Input[] = [
      { type: "connected" },
      { type: "message", message: message(), now: NOW },
      { type: "reset", epoch: 2, reason: "late" },
    ];
    for (const input of later) {
      expect(step(state, input)[1].filter(({ type }) => type !== "cancel")).toEqual([]);
    }
  });

  test("a mismatch ends the reading, and is not taken back by what is checked later", () => {
    const verdict = { verified: false, from: 1, lines: 40, text: "does not match" };
    const { state } = walk(...LIVE, { type: "mismatch", from: 1, position: at(41), verdict });
    expect(state.phase.name).toBe("over");
    const good = { ...verdict, verified: true };
    const [extended] = step(state, { type: "extended", from: 1, position: at(41), verdict: good });
    expect(extended.verdict).toEqual(verdict);
  });

  test("lines fetched elsewhere that do not fit are said while the rest goes on", () => {
    const { state } = walk(...LIVE, { type: "contradiction", text: "entry 1-2" }, checked(at(45)));
    expect(state.phase.name).toBe("live");
    expect(state.verdict).toEqual({ verified: false, from: 1, lines: 40, text: "entry 1-2" });
  });

  test("another epoch is never mixed with what is shown", () => {
    const answer = { ...OK.answer, ok: true, epoch: 2 };
    const { state, commands } = walk(
      ...LIVE,
      { type: "disconnected", failures: 1 },
      { type: "connected" },
      { type: "answered", request: 2, answer },
    );
    expect(kinds(commands)).toEqual(["clear", "cancel retry", "cancel acknowledge", "subscribe"]);
    expect([state.position, state.epoch, state.range.next]).toEqual([null, null, 1]);
    expect(state.resetReason).toContain("another log");
  });

  test("a reset begins anew; a second one in the same epoch is read as it is stored", () => {
    const first = walk(...LIVE, { type: "reset", epoch: 2, reason: "rolled back" });
    expect(kinds(first.commands)).toEqual([
      "clear",
      "cancel retry",
      "cancel acknowledge",
      "subscribe",
    ]);
    expect(first.state.resetReason).toBe("rolled back");
    const [second, commands] = step(first.state, { type: "reset", epoch: 2, reason: "again" });
    expect(kinds(commands)).toEqual(["clear", "cancel poll", "fetch"]);
    // Whatever becomes of the socket.
    for (const input of [{ type: "connected" }, { type: "disconnected", failures: 5 }] as const) {
      expect(step(second, input)[1]).toEqual([]);
    }
  });
});

describe("over HTTP", () => {
  const away: Input[] = [...LIVE, { type: "disconnected", failures: 2 }];

  test("two failed attempts, and the log is read there until the socket is back", () => {
    expect(kinds(walk(...LIVE, { type: "disconnected", failures: 1 }).commands)).not.toContain(
      "fetch",
    );
    const { state, commands } = walk(...away);
    expect(commands).toContainEqual({ type: "fetch", request: 2, position: at(41) });
    const [read, then] = step(state, {
      type: "window",
      request: 2,
      window: windowAt(at(41)),
      now: NOW,
    });
    expect(read.phase.name).toBe("http");
    expect(then).toEqual([
      {
        type: "check",
        start: at(41),
        messages: [{ epoch: 1, entries: [] }],
        relayed: false,
      },
      { type: "wait", timer: "poll", ms: POLL_MS, spread: 0 },
    ]);
    const [back, stopped] = step(read, { type: "connected" });
    expect(kinds(stopped)).toEqual([
      "cancel poll",
      "cancel retry",
      "cancel acknowledge",
      "subscribe",
    ]);
    const late: Input = { type: "window", request: 2, window: windowAt(at(41)), now: NOW };
    expect(step(back, late)).toEqual([back, []]);
  });

  test.each([
    ["another epoch", { type: "window", window: windowAt(at(41, 2)) }],
    ["another digest", { type: "window", window: windowAt({ ...at(41), chain: "x" }) }],
    ["a conflict", { type: "window-failed", status: 409, message: "" }],
  ])("%s: it begins anew", (_name, input) => {
    const { commands } = walk(...away, { ...input, request: 2, now: NOW } as Input);
    expect(kinds(commands)).toEqual(["clear", "cancel poll", "fetch"]);
  });

  test("far behind, it goes on at the tail", () => {
    const { state, commands } = walk(...away, {
      type: "window",
      request: 2,
      window: windowAt(at(41), 40 + MAX_BEHIND_LINES + 1),
      now: NOW,
    });
    expect(kinds(commands)).toEqual(["skip", "wait poll"]);
    expect(step(state, { type: "poll" })[1]).toContainEqual({
      type: "fetch",
      request: 3,
      position: null,
    });
  });

  test("a deleted run is the end; any other failure is tried again", () => {
    const failed = (status: number) =>
      walk(...away, { type: "window-failed", request: 2, status, message: "No such run." });
    expect(failed(404).state.phase).toEqual({ name: "refused", why: "No such run." });
    expect(kinds(failed(503).commands)).toEqual(["wait poll"]);
    expect(kinds(failed(0).commands)).toEqual(["wait poll"]);
  });
});

describe("the unfinished line", () => {
  const live = (line: number, text: string, more = {}): Input => ({
    type: "live-line",
    live: { line, text, progress: null, ...more },
    now: NOW,
  });

  test("stands until it is stored; its progress stays", () => {
    const progress = { value: 0.5 };
    const { state } = walk(...LIVE, live(41, "half", { progress }));
    expect(state.live?.text).toBe("half");
    expect(step(state, checked(at(42)))[0].live).toEqual({ line: 41, text: "", progress });
    expect(walk(...LIVE, live(41, "half"), checked(at(42))).state.live).toBeNull();
    expect(walk(...LIVE, live(41, "")).state.live).toBeNull();
    expect(walk(...LIVE, live(3, "old")).state.live).toBeNull();
  });

  test("rows are bounded", () => {
    const rows = Array.from({ length: 150 }, (_, i) => `${i}`);
    const { state } = walk(...LIVE, live(41, "x", { rows }));
    expect(state.live?.rows).toEqual(rows.slice(50));
  });
});

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

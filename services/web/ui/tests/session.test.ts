// The decisions about reading a log, walked through state by state.

import { describe, expect, test } from "vitest";
import {
  ACKNOWLEDGE_BYTES,
  ACKNOWLEDGE_MS,
  MAX_BEHIND_LINES,
  POLL_MS,
  RETRY_MS,
  step,
} from "../src/log/session";
import { type Command, type Input, initialState, type State } from "../src/log/state";
import { GENESIS } from "../src/protocol/chain";
import { at, checked, message, NOW, RUNNING, windowAt } from "./sessioninputs";

const START = { epoch: 1, line: 1, chain: GENESIS };
const OK: Input & { type: "answered" } = {
  type: "answered",
  request: 1,
  answer: { ok: true, epoch: 1, from: 1, chain: GENESIS, record: RUNNING },
};
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
    expect(state.phase).toEqual({ name: "refused", why: "Gone.", denied: false });
    for (const input of [{ type: "connected" }, { type: "retry" }, { type: "poll" }] as const) {
      expect(kinds(step(state, input)[1])).not.toContain("subscribe");
      expect(kinds(step(state, input)[1])).not.toContain("fetch");
    }
  });

  test("when the right to read it is taken away, it ends, and says why", () => {
    const { state, commands } = walk(...LIVE, { type: "denied", why: "No longer yours." });
    expect(state.phase).toEqual({ name: "refused", why: "No longer yours.", denied: true });
    expect(kinds(commands)).toEqual(["cancel retry", "cancel poll", "cancel acknowledge"]);
    for (const input of [
      { type: "disconnected", failures: 3 },
      { type: "connected" },
      { type: "retry" },
      { type: "poll" },
    ] as const) {
      const [after, next] = step(state, input);
      expect(after.phase).toEqual(state.phase);
      expect(kinds(next).filter((kind) => !kind.startsWith("cancel"))).toEqual([]);
    }
  });

  test("what has ended cannot be denied any more", () => {
    const over = walk(...LIVE, checked(at(41), { ended: true }));
    expect(step(over.state, { type: "denied", why: "No longer yours." })).toEqual([over.state, []]);
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
    expect(failed(404).state.phase).toEqual({
      name: "refused",
      why: "No such run.",
      denied: false,
    });
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

test("a log that is taken off the page asks for nothing more, and tells the relay", () => {
  const { state, commands } = walk(...LIVE, { type: "closed" });
  expect(state.phase.name).toBe("over");
  expect(kinds(commands)).toEqual(["cancel retry", "cancel poll", "cancel acknowledge", "leave"]);
  expect(step(state, { type: "connected" })[1].filter(({ type }) => type !== "cancel")).toEqual([]);
});

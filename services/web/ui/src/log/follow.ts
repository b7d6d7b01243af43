// Keeps one run's view going: subscribes, resumes at its position after any
// absence, and reads over HTTP while no websocket can be had.

import { batch, effect, signal } from "@preact/signals";
import { type LogWindow, logWindow, Problem, type Run } from "../api";
import { Discontinuity, type Position } from "../protocol/cursor";
import { type Item, ProtocolError, VERSION } from "../protocol/entry";
import { type Verdict, View } from "../protocol/view";
import { inSlices } from "../slices";
import type { Tail } from "../socket";
import { pieceBefore } from "./earlier";
import type { Answer, LiveLine, Message, Reset } from "./messages";
import type { Phase } from "./phase";
import { Receipts } from "./receipts";

/** Lines fetched when the page is opened; earlier ones are loaded when asked for. */
export const OPENING_LINES = 2_000;
const WINDOW_LINES = 2_000;
const ANSWER_WITHIN_MS = 15_000;
const POLL_MS = 2_000;
/** More lines behind than this after an absence: the page goes on at the tail. */
export const MOST_BEHIND_LINES = 50_000;
/** From this many failed tries on the log is also read over HTTP. */
const FAILURES_BEFORE_HTTP = 2;

/** As many rows as can be drawn again and again; no shipper tells of more. */
const MOST_LIVE_ROWS = 100;

/** What the log's list draws. */
export interface Screen {
  append(items: readonly Item[]): void;
  prepend(items: readonly Item[]): void;
  clear(): void;
  /** How many lines the log had when it was opened. */
  backlog: number;
  /** This was followed and checked, and what comes next does not continue it. */
  stood(from: Position, to: Position): void;
}

export class Follow {
  readonly phase = signal<Phase>({ name: "opening" });
  readonly live = signal<LiveLine | null>(null);
  readonly verdict = signal<Verdict | null>(null);
  /** Why the shown log is a new one, if it is. */
  readonly resetWhy = signal<string | null>(null);
  /** First line that is checked, and the next line to come. */
  readonly range = signal<{ from: number; next: number }>({ from: 1, next: 1 });
  /** Rises with every event entry: the record has changed. */
  readonly changes = signal(0);
  readonly lastHeard = signal(Date.now());
  /** Rises when too much had come during an absence, and the page went on at the tail. */
  readonly leaps = signal(0);
  /** The state of the run when its log was opened; null before. */
  readonly opened = signal<Run["state"] | null>(null);

  readonly #run: string;
  readonly #tail: Tail;
  readonly #screen: Screen;
  #view = new View();
  #answered = false;
  #early: Message[] = [];
  #resetEpoch = 0;
  /** The history of what is shown; null before anything is. */
  #shownEpoch: number | null = null;
  /** Read over HTTP whatever the socket could do. */
  #asStored = false;
  #attempt = 0;
  readonly #receipts: Receipts;
  #poll: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(run: string, tail: Tail, screen: Screen) {
    this.#run = run;
    this.#tail = tail;
    this.#screen = screen;
    this.#receipts = new Receipts(run, tail.socket);
    const { socket } = tail;
    socket.on("tail-message", (message: Message) => this.#message(message));
    socket.on("tail-live", (message: LiveLine & { run?: string }) => this.#liveLine(message));
    socket.on("tail-reset", (message: Reset) => {
      if (message.run !== run || this.#over) return;
      // Twice in the same epoch: the stored log contradicts itself. Read as it is, it is
      // shown up to the entry that does not fit, and that entry is named.
      if (message.epoch === this.#resetEpoch) this.#asStored = true;
      this.#resetEpoch = message.epoch;
      this.#reset(message.why ?? message.reason ?? "the log changed");
    });
    effect(() => {
      const connection = tail.connection.value;
      clearTimeout(this.#poll);
      if (connection.state === "connected") this.#subscribe();
      else if (connection.state === "lost" && connection.failures >= FAILURES_BEFORE_HTTP) {
        this.#poll = setTimeout(() => void this.#pollOnce(), 0);
      }
    });
  }

  get #over(): boolean {
    const name = this.phase.peek().name;
    return name === "over" || name === "refused";
  }

  #subscribe(): void {
    if (this.#over || this.#asStored) return;
    clearTimeout(this.#retry);
    const position = this.#view.position;
    const request =
      position === null
        ? { v: VERSION, run: this.#run, from: -OPENING_LINES }
        : {
            v: VERSION,
            run: this.#run,
            epoch: position.epoch,
            from: position.line,
            chain: position.chain,
          };
    this.#answered = false;
    this.#early = [];
    this.#receipts.begin();
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#tail.socket
      .timeout(ANSWER_WITHIN_MS)
      .emit("subscribe", request, (error: Error | null, answer: Answer) => {
        if (attempt !== this.#attempt || !this.#tail.socket.connected) return;
        if (error) this.#again(0);
        else this.#answer(answer);
      });
  }

  #again(wait: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#tail.socket.connected) this.#subscribe();
    }, wait);
  }

  #answer(answer: Answer): void {
    if (!answer.ok) {
      if (answer.code === "unavailable" || answer.code === "too-many") {
        this.phase.value = { name: "opening" };
        // The API may know what the relay cannot give now.
        void this.#pollOnce();
        this.#again(2_000 + Math.random() * 2_000);
      } else {
        this.phase.value = { name: "refused", why: answer.message ?? "The server refused." };
      }
      return;
    }
    // The event with the reason follows or came before.
    if (answer.reset) return;
    if (this.#isOther(answer.epoch ?? 0)) return;
    if (this.#isFarBehind(answer.record?.lines ?? 0)) {
      this.#leap();
      // What was sent for the old position must not reach the new view.
      this.#attempt += 1;
      const attempt = this.#attempt;
      this.#tail.socket.timeout(ANSWER_WITHIN_MS).emit("unsubscribe", { run: this.#run }, () => {
        if (attempt === this.#attempt && this.#tail.socket.connected) this.#subscribe();
      });
      return;
    }
    this.#guard(() => {
      this.#view.begin({
        epoch: answer.epoch ?? 0,
        line: answer.from ?? 1,
        chain: answer.chain ?? "",
      });
      this.#answered = true;
      this.#shownEpoch = answer.epoch ?? 0;
      this.#screen.backlog ||= answer.record?.lines ?? 0;
      this.opened.value = this.opened.peek() ?? answer.record?.state ?? "running";
      this.phase.value = { name: "live" };
      this.#note();
      for (const message of this.#early.splice(0)) this.#message(message);
    });
  }

  /** What is stored now is not what is shown: never mixed. */
  #isOther(epoch: number): boolean {
    if (this.#shownEpoch === null || this.#shownEpoch === epoch) return false;
    this.#reset("the stored log is another one than what was shown");
    return true;
  }

  #isFarBehind(lines: number): boolean {
    const position = this.#view.position;
    return position !== null && lines - (position.line - 1) > MOST_BEHIND_LINES;
  }

  /**
   * Go on at the tail. The lines between are fetched when they are looked at; what can
   * be claimed begins anew with the tail, for nothing connects it to what was checked.
   */
  #leap(): void {
    const { beganAt, position } = this.#view;
    if (beganAt && position) this.#screen.stood(beganAt, position);
    batch(() => {
      this.#view = new View();
      this.#answered = false;
      this.live.value = null;
      this.leaps.value += 1;
      // Sections may have begun and ended between.
      this.changes.value += 1;
    });
  }

  #message(message: Message): void {
    if (typeof message !== "object" || message?.run !== this.#run || this.#over) return;
    this.lastHeard.value = Date.now();
    if (!this.#answered) {
      this.#early.push(message);
      return;
    }
    this.#guard(() => {
      const items = this.#view.feed(message.entries, message.epoch);
      this.#receipts.count(items);
      this.#take(items);
    });
  }

  /** Draw what was checked; an end that fits ends the view. */
  #take(items: Item[]): void {
    batch(() => {
      this.#screen.append(items);
      this.live.value = this.#current(this.live.value);
      if (items.some((item) => "payload" in item && item.type === "e")) this.changes.value += 1;
      this.#note();
      this.verdict.value = this.#view.verdict;
      if (this.#view.end !== null) this.#finish();
    });
  }

  #finish(): void {
    this.live.value = null;
    this.phase.value = { name: "over" };
    this.#receipts.stop();
    this.#tail.socket.emit("unsubscribe", { run: this.#run });
  }

  #note(): void {
    this.range.value = {
      from: this.#view.beganAt?.line ?? 1,
      next: this.#view.position?.line ?? 1,
    };
  }

  /** A mismatch stops the view: it is said, and never repaired in silence. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error instanceof Discontinuity) this.#screen.append(error.taken);
      this.#note();
      this.verdict.value = this.#view.verdict ?? {
        verified: false,
        from: this.#view.beganAt?.line ?? 1,
        lines: (this.#view.position?.line ?? 1) - 1,
        text: `does not match the protocol: ${error.message}`,
      };
      this.#finish();
    }
  }

  #liveLine(message: LiveLine & { run?: string }): void {
    if (this.#over || (message.run !== undefined && message.run !== this.#run)) return;
    this.lastHeard.value = Date.now();
    this.live.value = this.#current(message);
  }

  /** Once the line is stored only the progress stays, which holds until the next one. */
  #current(live: LiveLine | null): LiveLine | null {
    if (live === null) return null;
    const stored = live.line < (this.#view.position?.line ?? 1);
    if (stored)
      return live.progress ? { line: live.line, text: "", progress: live.progress } : null;
    if (live.rows) return { ...live, rows: live.rows.slice(-MOST_LIVE_ROWS) };
    return live.text || live.progress ? live : null;
  }

  #reset(why: string): void {
    if (this.phase.peek().name === "refused") return;
    batch(() => {
      this.#view = new View();
      this.#shownEpoch = null;
      this.#screen.clear();
      this.live.value = null;
      this.verdict.value = null;
      this.resetWhy.value = why;
      this.phase.value = { name: "opening" };
      this.#note();
    });
    if (this.#asStored) void this.#pollOnce();
    else if (this.#tail.socket.connected) this.#subscribe();
  }

  /** One step of reading over HTTP, and the next one planned. */
  async #pollOnce(): Promise<void> {
    const view = this.#view;
    const attempt = ++this.#attempt;
    try {
      const position = view.position;
      const from = position?.line ?? -OPENING_LINES;
      const window = await logWindow(this.#run, from, WINDOW_LINES, position?.chain ?? null);
      if (attempt !== this.#attempt || view !== this.#view || this.#over) return;
      if (position !== null && !continues(window, position)) {
        this.#reset("the stored log is another one than what was shown");
      } else if (this.#isOther(window.epoch)) {
        // It begins anew.
      } else if (this.#isFarBehind(window.lines)) {
        this.#leap();
      } else {
        this.#shownEpoch = window.epoch;
        this.phase.value = { name: "http" };
        this.lastHeard.value = Date.now();
        this.opened.value = this.opened.peek() ?? window.state;
        this.#guard(() => {
          this.#view.begin({ epoch: window.epoch, line: window.from, chain: window.chain });
          this.#take(this.#view.feed(window.entries, window.epoch));
        });
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 409) this.#reset("the stored log is another one than what was shown");
      if (error.status === 404) this.phase.value = { name: "refused", why: error.message };
    }
    const wanted = this.#asStored || this.#tail.connection.peek().state !== "connected";
    if (!this.#over && wanted) {
      clearTimeout(this.#poll);
      this.#poll = setTimeout(() => void this.#pollOnce(), POLL_MS);
    }
  }

  /** The run was over when its log was opened. */
  get openedOver(): boolean {
    const state = this.opened.peek();
    return state !== null && state !== "queued" && state !== "running";
  }

  /** The history that is read, or null before the first answer. */
  get epoch(): number | null {
    return this.#view.position?.epoch ?? null;
  }

  /** Where the checked part begins. */
  get beganAt(): Position | null {
    return this.#view.beganAt;
  }

  /** Move the beginning of the checked part up by a piece that reaches it. */
  async join(start: Position, values: readonly unknown[]): Promise<void> {
    const view = this.#view;
    await inSlices(view.prepending(start, values));
    if (view !== this.#view) return;
    batch(() => {
      this.#note();
      this.verdict.value = this.#view.verdict;
    });
  }

  /** A piece of the history does not fit: said, and never repaired in silence. */
  mismatch(error: Discontinuity): void {
    this.verdict.value = {
      verified: false,
      from: this.#view.beganAt?.line ?? 1,
      lines: (this.#view.position?.line ?? 1) - 1,
      text: `does not match its chain: ${error.message}`,
    };
  }

  /** Load the piece before the first checked line, and check it. */
  async earlier(lines: number): Promise<void> {
    const view = this.#view;
    const before = view.beganAt;
    if (before === null || before.line <= 1) return;
    const piece = await pieceBefore(this.#run, before, lines);
    if (view !== this.#view) return;
    if (piece.epoch !== before.epoch) {
      this.#reset("the stored log is another one than what was shown");
      return;
    }
    try {
      const items = await inSlices(view.prepending(piece.start, piece.entries));
      if (view !== this.#view || items === null) return;
      this.#screen.prepend(items);
      this.#note();
      this.verdict.value = view.verdict;
    } catch (error) {
      if (!(error instanceof Discontinuity)) throw error;
      this.mismatch(error);
    }
  }
}

function continues(window: LogWindow, position: Position): boolean {
  return (
    window.epoch === position.epoch &&
    window.from === position.line &&
    window.chain === position.chain
  );
}

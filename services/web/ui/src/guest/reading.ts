// Reads what a link shares: stored lines in windows, and what follows over the relay.

import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { logWindow, type OpenedShare, Problem } from "../api";
import type { LiveLine } from "../log/model/messages";
import { ProtocolError, parseItem, VERSION } from "../protocol/entry";
import type { Tail } from "../socket";
import type { SharedLines } from "./lines";

/** Lines that are asked for at once; a live link begins with so many of the last ones. */
export const WINDOW_LINES = 1_000;

export type Reading =
  | { readonly name: "reading" }
  /** There are more stored lines. */
  | { readonly name: "more" }
  | { readonly name: "live" }
  | { readonly name: "over" }
  /** The link is dead, or what came cannot be read. */
  | { readonly name: "refused"; readonly why: string };

const DEAD = "This link does not work any more. Ask whoever gave it to you for another.";

export class SharedReading {
  readonly #state = signal<Reading>({ name: "reading" });
  readonly state: ReadonlySignal<Reading> = computed(() => this.#state.value);
  readonly #share: OpenedShare;
  readonly #lines: SharedLines;
  #epoch = 0;

  constructor(share: OpenedShare, lines: SharedLines) {
    this.#share = share;
    this.#lines = lines;
  }

  /** Fetch the next stored lines. A live link goes on over the relay then. */
  async read(tail: Tail | null, from = this.#lines.next): Promise<void> {
    this.#state.value = { name: "reading" };
    try {
      const window = await logWindow(this.#share.run, from, WINDOW_LINES);
      this.#epoch = window.epoch;
      this.#lines.next = Math.max(this.#lines.next, window.from);
      this.#lines.add(window.entries.map((entry) => parseItem(entry, "part")));
      this.#lines.next = Math.max(this.#lines.next, window.next.line);
      if (tail) this.#follow(tail);
      else {
        const more = window.next.line > from && window.next.line <= window.lines;
        this.#state.value = { name: more ? "more" : "over" };
      }
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #failed(error: Error): void {
    const gone = error instanceof Problem && (error.status === 404 || error.status === 401);
    this.#refuse(gone ? DEAD : error.message);
  }

  #refuse(why: string): void {
    this.#state.value = { name: "refused", why };
  }

  get #done(): boolean {
    const { name } = this.#state.peek();
    return name === "over" || name === "refused";
  }

  #follow(tail: Tail): void {
    const { run } = this.#share;
    const { socket } = tail;
    const mine = (message: { run?: string | null }) => message?.run === run && !this.#done;
    socket.on("tail-message", (message: { run: string; entries: readonly unknown[] }) => {
      if (!mine(message)) return;
      try {
        const items = message.entries.map((entry) => parseItem(entry, "part"));
        this.#lines.add(items);
        const bytes = items.reduce(
          (sum, item) => sum + ("payload" in item ? item.payload.length : 0),
          0,
        );
        this.#received += bytes;
        socket.emit("ack", { run, bytes: this.#received });
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.#refuse(error.message);
      }
    });
    socket.on("tail-live", (live: LiveLine & { run: string }) => {
      if (mine(live) && live.line >= this.#lines.next) this.#lines.live(live.text);
    });
    socket.on("tail-end", (message) => {
      if (!mine(message)) return;
      this.#lines.live(null);
      this.#state.value = { name: "over" };
      socket.disconnect();
    });
    socket.on("tail-reset", (message) => {
      if (mine(message)) this.#refuse(DEAD);
    });
    socket.on("denied", (message: { run?: string | null }) => {
      if (message?.run === null || mine(message)) this.#refuse(DEAD);
    });
    effect(() => {
      if (tail.connection.value.state === "connected") this.#subscribe(tail);
    });
    tail.open();
  }

  #received = 0;

  #subscribe(tail: Tail): void {
    if (this.#done) return;
    this.#received = 0;
    const where = { v: VERSION, run: this.#share.run, from: this.#lines.next, epoch: this.#epoch };
    tail.socket.emit("subscribe", where, (answer: { ok: boolean; code?: string }) => {
      if (answer.ok) this.#state.value = { name: "live" };
      else if (answer.code === "unavailable") setTimeout(() => this.#subscribe(tail), 2_000);
      else this.#refuse(DEAD);
    });
  }
}

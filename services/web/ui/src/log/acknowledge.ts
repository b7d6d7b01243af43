// Tells the relay what this page has got, so that it need not guess how much is
// under way. Given when an entry is stored here, not when it is drawn: a hidden
// page draws nothing, and must not look like a stalled one.

import type { Socket } from "socket.io-client";
import { type Item, isCut } from "../protocol/entry";

/** Given at the latest after so many payload bytes, or so much time. */
const EVERY_BYTES = 64 * 1024;
const EVERY_MS = 1_000;

export class Acknowledger {
  readonly #run: string;
  readonly #socket: Socket;
  #bytes = 0;
  #given = 0;
  /** When the newest entry was written, by the store's clock (ms). */
  #newest = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(run: string, socket: Socket) {
    this.#run = run;
    this.#socket = socket;
  }

  /** A new subscription counts from 0. */
  begin(): void {
    this.stop();
    this.#bytes = 0;
    this.#given = 0;
  }

  count(items: readonly Item[]): void {
    for (const item of items) {
      if (isCut(item)) continue;
      this.#bytes += item.payload.length;
      this.#newest = item.t;
    }
    if (this.#bytes - this.#given >= EVERY_BYTES) this.#give();
    else this.#timer ??= setTimeout(() => this.#give(), EVERY_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #give(): void {
    this.stop();
    if (this.#bytes === this.#given || !this.#socket.connected) return;
    this.#given = this.#bytes;
    // Only what somebody can see tells how long it took to the eye.
    const seen = document.visibilityState === "visible" ? { t: this.#newest } : {};
    this.#socket.emit("ack", { run: this.#run, bytes: this.#bytes, ...seen });
  }
}

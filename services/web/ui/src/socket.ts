// One Socket.IO connection per page, and its state in words.

import { signal } from "@preact/signals";
import { io, type Socket } from "socket.io-client";

export type Connection =
  | { readonly state: "connecting" }
  | { readonly state: "connected" }
  /** Gone; `at` is the time of the next try (ms since 1970). */
  | { readonly state: "lost"; readonly at: number; readonly failures: number }
  /** The server asked us to go elsewhere (it is being replaced). */
  | { readonly state: "moving"; readonly at: number }
  | { readonly state: "offline" };

/** Where websockets are swallowed instead of refused, the log is read over HTTP after two of these. */
const CONNECT_WITHIN_MS = 5_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** A draining server must not meet all its viewers at the next one in the same second. */
const MOVE_WITHIN_MS = 5_000;

/** The wait before try number `failures + 1`: doubling, with ± 25 % so that pages spread. */
export function waitMs(failures: number, random: number): number {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10));
  return wait * (0.75 + random / 2);
}

export class Tail {
  readonly connection = signal<Connection>({ state: "connecting" });
  /** What the relay said last of the store, since we are connected to it. */
  readonly storeAnswers = signal(true);
  readonly socket: Socket;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(address: string) {
    // Our own loop reconnects: the page can then say when the next try is.
    this.socket = io(`${address}/tail`, {
      transports: ["websocket"],
      reconnection: false,
      autoConnect: false,
      timeout: CONNECT_WITHIN_MS,
    });
    this.socket.on("connect", () => {
      this.#failures = 0;
      this.storeAnswers.value = true;
      this.connection.value = { state: "connected" };
    });
    this.socket.on("store", (message: { answers?: boolean }) => {
      this.storeAnswers.value = message?.answers !== false;
    });
    this.socket.on("connect_error", () => this.#lost());
    this.socket.on("disconnect", (reason) => {
      if (reason === "io client disconnect") return;
      if (reason === "io server disconnect") this.#move();
      else this.#lost();
    });
    window.addEventListener("online", () => this.tryNow());
    window.addEventListener("offline", () => {
      // The transport may need half a minute to notice; the browser knows now.
      if (!this.socket.connected) this.connection.value = { state: "offline" };
    });
  }

  open(): void {
    this.socket.connect();
  }

  tryNow(): void {
    if (this.socket.connected) return;
    clearTimeout(this.#timer);
    this.connection.value = { state: "connecting" };
    this.socket.connect();
  }

  #lost(): void {
    const wait = waitMs(this.#failures, Math.random());
    this.#failures += 1;
    this.connection.value = navigator.onLine
      ? { state: "lost", at: Date.now() + wait, failures: this.#failures }
      : { state: "offline" };
    this.#again(wait);
  }

  #move(): void {
    const wait = Math.random() * MOVE_WITHIN_MS;
    this.connection.value = { state: "moving", at: Date.now() + wait };
    this.#again(wait);
  }

  #again(wait: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.socket.connect(), wait);
  }
}

/** Where the relay is: the page is told in a meta element; empty means this origin. */
export function socketAddress(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="runtail-socket"]')?.content ?? "";
}

/** The store is away: what that means for who is looking. */
export const STORE_AWAY = "The store does not answer. Nothing new is shown until it does.";

/** The connection in words. `now` in ms since 1970. */
export function connectionWords(connection: Connection, now: number): string {
  switch (connection.state) {
    case "connecting":
      return "Connecting…";
    case "connected":
      return "Connected";
    case "offline":
      return "You are offline.";
    case "moving":
      return "Moving to another server…";
    case "lost": {
      const seconds = Math.max(0, Math.ceil((connection.at - now) / 1000));
      return `Connection lost. Retrying ${seconds === 0 ? "now" : `in ${seconds} s`}.`;
    }
  }
}

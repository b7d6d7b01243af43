// One Socket.IO connection per page, and its state in words.

import { signal } from "@preact/signals";
import { io, type Socket } from "socket.io-client";
import { hasLogin, here } from "./address";
import { askWho } from "./who";

export type Connection =
  | { readonly state: "connecting" }
  | { readonly state: "connected" }
  /** Gone; `at` is the time of the next try (ms since 1970). */
  | { readonly state: "lost"; readonly at: number; readonly failures: number }
  /** The server asked us to go elsewhere (it is being replaced). */
  | { readonly state: "moving"; readonly at: number }
  /** For a moment: the relay closed it so that a proxy judges anew who we are. */
  | { readonly state: "renewing" }
  | { readonly state: "offline" };

/** Where websockets are swallowed instead of refused, the log is read over HTTP after two of these. */
const CONNECT_WITHIN_MS = 5_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** A draining server must not meet all its viewers at the next one in the same second. */
const MOVE_WITHIN_MS = 5_000;
/** Pages that a relay has since the same moment should not come back in the same one. */
const RENEW_WITHIN_MS = 250;

/** The wait before try number `failures + 1`: doubling, with ± 25 % so that pages spread. */
export function waitMs(failures: number, random: number): number {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10));
  return wait * (0.75 + random / 2);
}

/** What happens to the connection. */
export type ConnectionEvent =
  | "connected"
  /** An attempt failed, or the connection broke. */
  | "lost"
  /** The server closed it: it is being replaced. */
  | "sent-away"
  /** The server closed it, and said that we are to connect again. */
  | "renewed"
  /** The browser says that there is no network. */
  | "offline"
  | "try-now";

export interface ConnectionState {
  readonly connection: Connection;
  /** Attempts that failed in a row. */
  readonly failures: number;
}

/** What follows from an event. `waitMs`: connect after so long; null: as it is. Pure. */
export function nextConnection(
  { connection, failures }: ConnectionState,
  event: ConnectionEvent,
  now: number,
  random: number,
  onLine: boolean,
): ConnectionState & { readonly waitMs: number | null } {
  switch (event) {
    case "connected":
      return { connection: { state: "connected" }, failures: 0, waitMs: null };
    case "lost": {
      const wait = waitMs(failures, random);
      const lost = { state: "lost", at: now + wait, failures: failures + 1 } as const;
      return {
        connection: onLine ? lost : { state: "offline" },
        failures: failures + 1,
        waitMs: wait,
      };
    }
    case "sent-away": {
      const wait = random * MOVE_WITHIN_MS;
      return { connection: { state: "moving", at: now + wait }, failures, waitMs: wait };
    }
    case "renewed":
      return {
        connection: { state: "renewing" },
        failures: 0,
        waitMs: random * RENEW_WITHIN_MS,
      };
    case "offline":
      // The transport may need half a minute to notice; the browser knows now.
      if (connection.state === "connected") return { connection, failures, waitMs: null };
      return { connection: { state: "offline" }, failures, waitMs: null };
    case "try-now":
      if (connection.state === "connected") return { connection, failures, waitMs: null };
      return { connection: { state: "connecting" }, failures, waitMs: 0 };
  }
}

/** Whether it stands, as far as a reader need know. */
export function stands({ state }: Connection): boolean {
  return state === "connected" || state === "renewing";
}

export class Tail {
  readonly connection = signal<Connection>({ state: "connecting" });
  /** What the relay said last of the store, since we are connected to it. */
  readonly storeAnswers = signal(true);
  readonly socket: Socket;
  #failures = 0;
  #renews = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(address: string) {
    // Our own loop reconnects: the page can then say when the next try is.
    this.socket = io(`${address}/tail`, {
      path: here("/socket.io/"),
      transports: ["websocket"],
      reconnection: false,
      autoConnect: false,
      timeout: CONNECT_WITHIN_MS,
    });
    this.socket.on("connect", () => {
      this.storeAnswers.value = true;
      this.#renews = false;
      this.#on("connected");
    });
    this.socket.on("store", (message: { answers?: boolean }) => {
      this.storeAnswers.value = message?.answers !== false;
    });
    this.socket.on("connect_error", () => {
      this.#on("lost");
      // A relay refuses whoever is not logged in; why, the browser does not tell.
      if (hasLogin()) void askWho();
    });
    this.socket.on("denied", (message: { run?: string | null }) => {
      // With a run, it is about that run only.
      if (typeof message?.run !== "string") void askWho();
    });
    this.socket.on("renew", () => {
      this.#renews = true;
    });
    this.socket.on("disconnect", (reason) => {
      if (reason === "io client disconnect") return;
      if (this.#renews) this.#on("renewed");
      else this.#on(reason === "io server disconnect" ? "sent-away" : "lost");
    });
    window.addEventListener("online", () => this.tryNow());
    window.addEventListener("offline", () => this.#on("offline"));
  }

  open(): void {
    this.socket.connect();
  }

  tryNow(): void {
    this.#on("try-now");
  }

  /** The relay hangs: leave it as if the connection had broken, which would take up to 45 s to show by itself. */
  giveUp(): void {
    if (!this.socket.connected) return;
    this.socket.disconnect();
    this.#on("lost");
  }

  #on(event: ConnectionEvent): void {
    const before = { connection: this.connection.peek(), failures: this.#failures };
    const now = nextConnection(before, event, Date.now(), Math.random(), navigator.onLine);
    this.#failures = now.failures;
    if (now.waitMs !== null) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.socket.connect(), now.waitMs);
    }
    this.connection.value = now.connection;
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
    case "renewing":
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

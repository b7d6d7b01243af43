// What the relay says about one run, as it travels.

import type { Run } from "../../api";

export interface LiveLine {
  /** The number it will have. */
  readonly line: number;
  readonly text: string;
  /** Several rows that are drawn again and again; `text` is the last one. */
  readonly rows?: readonly string[];
  readonly progress: { readonly value?: number; readonly text?: string } | null;
}

/** To `subscribe`. */
export interface Answer {
  readonly ok: boolean;
  readonly reset?: boolean;
  readonly epoch?: number;
  readonly from?: number;
  readonly chain?: string;
  readonly code?: string;
  readonly message?: string;
  /** Who may read the log and not the run gets state and lines in its place. */
  readonly record?: Run;
  readonly state?: Run["state"];
  readonly lines?: number;
}

export interface Message {
  readonly v: number;
  readonly run: string;
  readonly epoch: number;
  readonly entries: readonly unknown[];
}

/** The right to read the run was taken away. With null, the login has ended. */
export interface Denied {
  readonly run: string | null;
  readonly why?: string;
}

/** The subscription is over: the view cannot go on. */
export interface Reset {
  readonly run: string;
  readonly epoch: number;
  readonly reason?: string;
  readonly why?: string;
}

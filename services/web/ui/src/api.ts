// The JSON API, typed; every failure is a `Problem` with a sentence.

import { observeDate } from "./clock";

export interface Task {
  readonly name: string;
  readonly doc: string;
  readonly schema: Schema;
  readonly queue: string;
  readonly exclusive: boolean;
}

export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  /** A secret: never shown, never kept. */
  readonly writeOnly?: boolean;
  readonly "x-multiline"?: boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

export interface Worker {
  readonly name: string;
  readonly queues: readonly string[];
  readonly pool?: string;
  readonly concurrency?: number;
  readonly started_ms?: number;
}

export interface Run {
  readonly id: string;
  readonly task: string;
  readonly state: "queued" | "running" | "succeeded" | "failed" | "cancelled" | "lost";
  readonly why: string;
  readonly since_ms: number;
  readonly created_ms: number;
  /** When its last attempt began. */
  readonly started_ms: number | null;
  /** When its first attempt began. */
  readonly first_started_ms: number | null;
  readonly finished_ms: number | null;
  readonly attempt: number;
  readonly who: string | null;
  readonly queue: string | null;
  readonly worker: string | null;
  /** The run that this one repeats. */
  readonly retry_of?: string | null;
  /** Its neighbours among the executions of one id. */
  readonly earlier_execution?: string | null;
  readonly newer_execution?: string | null;
  readonly exit_status: number | null;
  readonly signal: number | null;
  readonly kwargs: Readonly<Record<string, unknown>> | null;
  readonly lines: number;
  readonly bytes: number;
  readonly eta_ms?: number | null;
  readonly cancel: unknown;
}

export interface RunList {
  readonly runs: readonly Run[];
  readonly next: string | null;
}

/** A window of whole entries, and the position of the first. */
export interface LogWindow {
  readonly run: string;
  readonly epoch: number;
  readonly from: number;
  readonly chain: string;
  readonly entries: readonly unknown[];
  /** Where to go on. */
  readonly next: { readonly line: number; readonly chain: string };
  /** SGR parameters in force where it begins; null if not known. */
  readonly style?: string | null;
  /** Address of the link that is open there. */
  readonly link?: string;
  /** Lines of the log so far. */
  readonly lines: number;
  readonly state: Run["state"];
}

/** A log's sections and marks, loaded or not. */
export interface Outline {
  readonly epoch: number;
  readonly complete: boolean;
  readonly groups: readonly OutlineGroup[];
  readonly marks: readonly {
    readonly line: number;
    readonly kind: string;
    /** The last line of a cut. */
    readonly to?: number;
  }[];
  /** How many there are of each kind, beyond the bound of the lists, too. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface OutlineGroup {
  readonly id: string;
  readonly title_line: number | null;
  readonly first: number;
  readonly last: number | null;
  readonly title: string;
  readonly depth: number;
  readonly state: "open" | "closed" | "unclosed";
  readonly seconds: number | null;
  readonly errors: number;
  readonly warnings: number;
}

/** What the server answered instead of what was asked (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  /** For programs. */
  readonly code: string;
  /** Field name → what is wrong with it. */
  readonly errors: readonly {
    readonly field: string;
    readonly message: string;
    readonly pointer?: string;
  }[];
  /** The page of the run that stands in the way, if one does. */
  readonly holder: string | null;

  constructor(status: number, body: Record<string, unknown>) {
    const title = String(body["title"] ?? `The server answered ${status}`);
    super(typeof body["detail"] === "string" ? body["detail"] : title);
    this.status = status;
    this.title = title;
    this.code = String(body["code"] ?? "");
    this.errors = Array.isArray(body["errors"]) ? body["errors"] : [];
    const page = body["run_page"];
    this.holder = typeof page === "string" && page.startsWith("/runs/") ? page : null;
  }
}

async function call<T>(method: string, path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, { ...init, method });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, { title: "The server does not answer. Is it running?" });
  }
  observeDate(response.headers.get("Date"), Date.now());
  if (response.status === 204) return undefined as T;
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    throw new Problem(response.status, {});
  }
  if (!response.ok) throw new Problem(response.status, (body ?? {}) as Record<string, unknown>);
  return body as T;
}

const id = encodeURIComponent;

export function tasks(): Promise<{ readonly tasks: readonly Task[] }> {
  return call("GET", "/tasks");
}

export function workers(): Promise<{ readonly workers: readonly Worker[] }> {
  return call("GET", "/workers");
}

/** `filters`: state, task, who, since, until. */
export function runs(filters: URLSearchParams, cursor: string | null = null): Promise<RunList> {
  const query = new URLSearchParams(filters);
  if (cursor !== null) query.set("cursor", cursor);
  return call("GET", query.size === 0 ? "/runs" : `/runs?${query}`);
}

export function run(runId: string): Promise<Run> {
  return call("GET", `/runs/${id(runId)}`);
}

/** The key makes a repeated click or a repeated request start one run only. */
export function start(task: string, kwargs: Record<string, unknown>, key: string): Promise<Run> {
  return call("POST", "/runs", {
    body: JSON.stringify({ task, kwargs }),
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
  });
}

export function cancel(runId: string): Promise<Run> {
  return call("POST", `/runs/${id(runId)}/cancel`, {
    body: "{}",
    headers: { "Content-Type": "application/json" },
  });
}

/** The answer is the run that was made, or this one with another attempt. */
export function retry(runId: string, key: string): Promise<Run> {
  return call("POST", `/runs/${id(runId)}/retry`, {
    body: "{}",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
  });
}

export function remove(runId: string): Promise<void> {
  return call("DELETE", `/runs/${id(runId)}`);
}

/** `chain`: the digest before line `from`, for an exact continuation; 409 if it is another log. */
export function logWindow(
  runId: string,
  from: number,
  limit: number,
  chain: string | null = null,
  signal: AbortSignal | null = null,
): Promise<LogWindow> {
  const exact = chain === null ? "" : `&chain=${chain}`;
  return call("GET", `/runs/${id(runId)}/log?from=${from}&limit=${limit}${exact}`, { signal });
}

export function outline(runId: string): Promise<Outline> {
  return call("GET", `/runs/${id(runId)}/outline`);
}

export function downloadAddress(runId: string): string {
  return `/api/v1/runs/${id(runId)}/log.txt`;
}

/** The log as plain pages, which need no script. */
export function textAddress(runId: string): string {
  return `/runs/${id(runId)}/text`;
}

/** 128 random bits as hex; `crypto.randomUUID` is absent on plain http. */
export function freshKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

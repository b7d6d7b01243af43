// The JSON API, typed by its description; every failure is a `Problem` with a sentence.

import { observeDate } from "./clock";
import type * as Api from "./openapi";
import type { Schema } from "./schema";

export type Run = Api.Run;
export type RunList = Api.Runs;
export type Worker = Api.Worker;
/** A window of whole entries, and the position of the first. */
export type LogWindow = Api.Window;
/** A log's sections and marks, loaded or not. */
export type Outline = Api.Outline;
export type OutlineGroup = Api.Group;
export type FieldError = Api.FieldError;
/** With what the form knows of the schema of its parameters. */
export type Task = Api.Task & { readonly schema: Schema };

/** What the server answered instead of what was asked (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  /** For programs. */
  readonly code: string;
  /** Field name → what is wrong with it. */
  readonly errors: readonly FieldError[];
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

export function workers(): Promise<Api.Workers> {
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

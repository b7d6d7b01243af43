// The JSON API, typed by its description; every failure is a `Problem` with a sentence.

import { basePath, byProxy, here, LOGIN, loginAddress, runAddress, shareOf } from "./address";
import { observeDate } from "./clock";
import type * as Api from "./openapi";
import type { Schema } from "./schema";

export type Run = Api.Run;
export type RunList = Api.Runs;
export type RunCounts = Api.Counts;
/** What a running run wrote last. */
export type RunLine = Api.RunLine;
export type Worker = Api.Worker;
/** A window of whole entries, and the position of the first. */
export type LogWindow = Api.Window;
/** A log's sections and marks, loaded or not. */
export type Outline = Api.Outline;
export type OutlineGroup = Api.Group;
export type OutlineMark = Api.Mark;
export type AuditEntry = Api.AuditEntry;
export type AuditLog = Api.AuditLog;
export type Session = Api.Session;
export type FieldError = Api.FieldError;
export type Token = Api.Token;
export type NewToken = Api.NewToken;
export type Share = Api.Share;
export type NewShare = Api.NewShare;
export type OpenedShare = Api.OpenedShare;
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
    this.holder = typeof page === "string" && page.startsWith(here("/runs/")) ? page : null;
  }
}

function address(path: string): string {
  return here(`/api/v1${path}`);
}

/** Somebody logs out on this page: the answer says where that leads, and not what stops working meanwhile. */
let leaving = false;

/** To the login, which leads back here. On the login page itself, and for guests, a 401 is an answer like others. */
function logIn(): void {
  if (leaving) return;
  const guest = shareOf(location.pathname, basePath()) !== null;
  if (location.pathname !== here(LOGIN) && !guest) location.replace(loginAddress(location));
}

/** Every request of the page: whoever is not logged in any more is led to the login. */
export async function request(where: string, init: RequestInit): Promise<Response> {
  // We redirect no request of a page. A proxy may, to its own login, which only the browser itself can follow.
  const response = await fetch(where, byProxy() ? { ...init, redirect: "manual" } : init);
  if (response.status === 401 || response.type === "opaqueredirect") logIn();
  return response;
}

function call<T>(method: string, path: string, init: RequestInit = {}): Promise<T> {
  return ask(address(path), { ...init, method });
}

/** A request with a JSON body, to a path of ours. */
function post<T>(path: string, body: unknown): Promise<T> {
  return ask(here(path), {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
}

async function ask<T>(where: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await request(where, init);
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

/** Who the reader is here, and what they may do. */
export function session(): Promise<Session> {
  return call("GET", "/session");
}

export function logInWithPassword(name: string, password: string): Promise<void> {
  return post("/auth/login", { name, password });
}

export function logInWithLink(code: string): Promise<void> {
  return post("/auth/link", { code });
}

/** Where to go to log in at the provider. `next`: the path to come back to. */
export function logInAtProvider(next: string): Promise<{ leads_to: string }> {
  return post("/auth/oidc/login", { next });
}

/** End this session; `everywhere`: all sessions of the user. The answer may say where to go on. */
export async function logOut(everywhere: boolean): Promise<{ leads_to: string } | undefined> {
  const stay = () => {
    leaving = false;
  };
  leaving = true;
  // Who comes back to this page may find it as it was left.
  addEventListener("pagehide", stay, { once: true });
  try {
    return await post("/auth/logout", { everywhere });
  } catch (error) {
    stay();
    if (error instanceof Problem && error.status === 401) logIn();
    throw error;
  }
}

/** `all`: of everybody, for administrators. */
export function tokens(all: boolean): Promise<Api.Tokens> {
  return call("GET", all ? "/tokens?all=true" : "/tokens");
}

/** `days`: how long it lasts. */
export function makeToken(
  name: string,
  days: number,
  rights: readonly string[],
): Promise<NewToken> {
  return post("/api/v1/tokens", { name, days, rights });
}

export function revokeToken(tokenId: string): Promise<void> {
  return call("DELETE", `/tokens/${id(tokenId)}`);
}

/** What to share of a run: up to a line, or with what follows. */
export interface Wanted {
  readonly from: number;
  readonly to?: number;
  readonly live?: boolean;
  /** How long the link works; the server decides if it is not given. */
  readonly seconds?: number;
}

export function makeShare(runId: string, wanted: Wanted): Promise<NewShare> {
  return post(`/api/v1/runs/${id(runId)}/shares`, wanted);
}

export function shares(runId: string): Promise<Api.Shares> {
  return call("GET", `/runs/${id(runId)}/shares`);
}

export function revokeShare(shareId: string): Promise<void> {
  return call("DELETE", `/shares/${id(shareId)}`);
}

/** `secret`: what follows the `#` of the link. */
export function openShare(shareId: string, secret: string): Promise<OpenedShare> {
  return post(`/api/v1/shares/${id(shareId)}/open`, { secret });
}

/** A command line that waits with a code, and what it would get. */
export interface CommandLine {
  /** The machine's name, as it says itself. */
  readonly name: string;
  readonly address: string;
  readonly rights: readonly string[];
  readonly days: number;
}

export function aboutCommandLine(code: string): Promise<CommandLine> {
  return post("/auth/cli/about", { code });
}

export function confirmCommandLine(code: string): Promise<void> {
  return post("/auth/cli/confirm", { code });
}

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

/** `filters`: those of the list, without the state. */
export function runCounts(filters: URLSearchParams): Promise<RunCounts> {
  return call("GET", filters.size === 0 ? "/run-counts" : `/run-counts?${filters}`);
}

/** `filters`: who, event, run, since, until. */
export function auditLog(
  filters: URLSearchParams,
  cursor: string | null = null,
): Promise<AuditLog> {
  const query = new URLSearchParams(filters);
  if (cursor !== null) query.set("cursor", cursor);
  return call("GET", query.size === 0 ? "/audit" : `/audit?${query}`);
}

/** Of those runs that are running, and whose logs the reader may see; at most 50. */
export function lastLines(runIds: readonly string[]): Promise<Api.RunLines> {
  return call("GET", `/run-lines?${new URLSearchParams(runIds.map((one) => ["id", one]))}`);
}

export function run(runId: string): Promise<Run> {
  return call("GET", `/runs/${id(runId)}`);
}

/** What people say about a run that they start. */
export type About = Pick<Api.StartBody, "title" | "labels">;

/** The key makes a repeated click or a repeated request start one run only. */
export function start(
  task: string,
  kwargs: Record<string, unknown>,
  key: string,
  about: About = {},
): Promise<Run> {
  return call("POST", "/runs", {
    body: JSON.stringify({ task, kwargs, ...about }),
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
  return address(`/runs/${id(runId)}/log.txt`);
}

export function searchAddress(runId: string, query: URLSearchParams): string {
  return address(`/runs/${id(runId)}/log/search?${query}`);
}

/** The log as plain pages, which need no script. */
export function textAddress(runId: string): string {
  return `${runAddress(runId)}/text`;
}

/** 128 random bits as hex; `crypto.randomUUID` is absent on plain http. */
export function freshKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

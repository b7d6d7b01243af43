// One entry of a log: a chunk of lines or an event. The TypeScript side of
// `runtail.protocol.entry`; both are held to the same vectors.

/** What this page can read; another version is refused with a sentence. */
export const VERSION = 1;

/** Bytes from elsewhere are not what the protocol says. */
export class ProtocolError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** `<attempt>-<seq>`, both from 1. */
export interface EntryId {
  readonly attempt: number;
  readonly seq: number;
}

export interface Entry {
  readonly id: EntryId;
  /** Output of the task, or something that happened to the run. */
  readonly type: "o" | "e";
  /** Number of its first line; for an event, of the next line. */
  readonly from: number;
  /** How many lines it holds; 0 for events. */
  readonly n: number;
  /** Milliseconds since 1970. */
  readonly t: number;
  readonly payload: Uint8Array;
  /** 32 bytes as 64 hex digits. */
  readonly chain: string;
  /** The last line goes on in the next output entry. */
  readonly continues: boolean;
}

/** Output entries that were deleted to keep a run inside its quota. */
export interface Cut {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  readonly entries: number;
  /** The digest behind the cut. */
  readonly chain: string;
  /** Id of the last deleted entry. */
  readonly last: EntryId;
}

export type Item = Entry | Cut;

export function isCut(item: Item): item is Cut {
  return !("payload" in item);
}

export function idText(id: EntryId): string {
  return `${id.attempt}-${id.seq}`;
}

/** Negative, 0 or positive, the way Redis compares stream ids. */
export function compareIds(a: EntryId, b: EntryId): number {
  return a.attempt - b.attempt || a.seq - b.seq;
}

export function parseId(text: string): EntryId {
  const match = /^(\d+)-(\d+)$/.exec(text);
  if (!match) {
    throw new ProtocolError("entry-id", `not an entry id: ${text.slice(0, 60)}`);
  }
  return { attempt: Number(match[1]), seq: Number(match[2]) };
}

const encoder = new TextEncoder();
// A byte order mark is output like any other: it must survive.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes as text for the eye: what is no UTF-8 becomes U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** How many line numbers a chunk takes: an unfinished last line counts as one. */
export function countLines(payload: Uint8Array): number {
  let n = 0;
  for (const byte of payload) {
    if (byte === 10) n += 1;
  }
  return n + (payload.length > 0 && payload[payload.length - 1] !== 10 ? 1 : 0);
}

function fail(what: string): never {
  throw new ProtocolError("entry", `not an entry: ${what}`);
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail("no object");
  return value as Record<string, unknown>;
}

function integer(value: unknown, name: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) fail(name);
  return value;
}

function digest(value: unknown): string {
  if (typeof value !== "string" || !/^[0-9a-f]{64}$/.test(value)) fail("chain");
  return value;
}

function bytesOf(message: Record<string, unknown>): Uint8Array {
  const { text, b64 } = message;
  if (typeof text === "string") return encoder.encode(text);
  if (typeof b64 !== "string") fail("neither text nor b64");
  let binary: string;
  try {
    binary = atob(b64);
  } catch {
    return fail("b64");
  }
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Whether a digest must be there: a part of a log that was shared has none. */
export type Proof = "whole" | "part";

function digestOf(message: Record<string, unknown>, proof: Proof): string {
  const chain = message["chain"];
  return proof === "part" && chain === undefined ? "" : digest(chain);
}

/** Read one entry as it travels. */
export function parseEntry(value: unknown, proof: Proof = "whole"): Entry {
  const message = record(value);
  const { type, id } = message;
  if (type !== "o" && type !== "e") fail(`type ${String(type)}`);
  if (typeof id !== "string") fail("id");
  return {
    id: parseId(id),
    type,
    from: integer(message["from"], "from"),
    n: integer(message["n"], "n"),
    t: integer(message["t"], "t"),
    payload: bytesOf(message),
    chain: digestOf(message, proof),
    continues: message["continues"] === true,
  };
}

/** Read one item of a frame: an entry, or `{cut: …}`. */
export function parseItem(value: unknown, proof: Proof = "whole"): Item {
  const message = record(value);
  if (!("cut" in message)) return parseEntry(message, proof);
  const cut = record(message["cut"]);
  const last = cut["last"];
  if (typeof last !== "string") fail("cut.last");
  return {
    from: integer(cut["from"], "cut.from"),
    to: integer(cut["to"], "cut.to"),
    bytes: integer(cut["bytes"], "cut.bytes"),
    entries: integer(cut["entries"], "cut.entries"),
    chain: digestOf(cut, proof),
    last: parseId(last),
  };
}

/** The lines of an output entry, without their `\n`; as many as `n` says. */
export function splitLines(payload: Uint8Array): string[] {
  if (payload.length === 0) return [];
  const lines = decodeText(payload).split("\n");
  if (payload[payload.length - 1] === 10) lines.pop();
  return lines;
}

// Tokens and rights in words. Pure.

import type { Token } from "../api";
import { age } from "../time";

/** What a right lets somebody do. */
const RIGHT_WORDS: Readonly<Record<string, string>> = {
  "tasks:read": "see tasks",
  "workers:read": "see workers and queues",
  "run:read": "see runs",
  "params:read": "see parameters of runs",
  "log:read": "read logs",
  "run:start": "start runs",
  "run:cancel": "cancel runs",
  "run:delete": "delete runs",
  "share:create": "make share links",
  "token:own": "list its owner's tokens",
  admin: "whatever belongs to the whole installation",
};

/** The words for a right; empty if a server of a later version has one that is not known here. */
export function rightWords(right: string): string {
  return Object.hasOwn(RIGHT_WORDS, right) ? (RIGHT_WORDS[right] ?? "") : "";
}

/** Rights that a new token gets only if somebody asks for them. */
const BY_NAME_ONLY: readonly string[] = ["token:own", "admin"];

/** The rights that are chosen at first, of those that somebody has. */
export function usualRights(mine: readonly string[]): readonly string[] {
  return mine.filter((right) => !BY_NAME_ONLY.includes(right));
}

const SOON_MS = 7 * 86_400_000;
/** A token is near its end in its last days, and a shorter one in the last part of its time: as the service says. */
const NEAR_MS = 30 * 86_400_000;
const LAST_PART = 3;

/** Whether a token ends within a week, or has ended. Times in ms since 1970. */
export function endsSoon({ ends_ms: ends }: Pick<Token, "ends_ms">, now: number): boolean {
  return ends - now <= SOON_MS;
}

/** How the end of a token stands out: not at all, near, or soon. Times in ms since 1970. */
export function endClass(token: Pick<Token, "made_ms" | "ends_ms">, now: number): string {
  if (endsSoon(token, now)) return "ends soon";
  const life = token.ends_ms - token.made_ms;
  return token.ends_ms - now < Math.min(NEAR_MS, life / LAST_PART) ? "ends near" : "ends";
}

/** Times in ms since 1970. */
export function endWords({ ends_ms: ends }: Pick<Token, "ends_ms">, now: number): string {
  if (ends <= now) return "has ended";
  const left = age(ends - now);
  return left === "now" ? left : `in ${left}`;
}

/** A first command that uses a token, in a shell: the token itself is in a variable, and in no history. */
export function curlLine(origin: string, path: string): string {
  return `curl -H "Authorization: Bearer $RUNTAIL_TOKEN" '${origin}${path}'`;
}

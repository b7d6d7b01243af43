// Share links in words. Pure.

import type { Share } from "../api";
import { withCommas } from "../numbers";
import { stamp } from "../time";

type Range = Pick<Share, "from" | "to">;

/** `line 8`, `lines 8-13`, `all lines from 8 on`. */
export function rangeWords({ from, to }: Range): string {
  if (to === null) return from === 1 ? "all lines" : `all lines from ${withCommas(from)} on`;
  return from === to ? `line ${withCommas(from)}` : `lines ${withCommas(from)}-${withCommas(to)}`;
}

/** Times in ms since 1970. */
export function shareWords(share: Share): string {
  const dead = share.works ? "" : "; it does not work any more";
  return `${rangeWords(share)}, by ${share.maker}, until ${stamp(share.ends_ms)}${dead}`;
}

/** The same lines for programs, in a shell. */
export function curlWords(origin: string, path: string): string {
  return `curl -H "Authorization: Bearer $TOKEN" '${origin}${path}'`;
}

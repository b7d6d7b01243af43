// `#L120` and `#L120-L140`: links to lines. Pure.

export interface LineRange {
  readonly first: number;
  readonly last: number;
}

/** What of some lines lies in other ranges, which may overlap; in order. */
export function overlaps(lines: LineRange, ranges: readonly LineRange[]): LineRange[] {
  const found: LineRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = found[found.length - 1];
    const first = Math.max(lines.first, range.first, (before?.last ?? 0) + 1);
    const last = Math.min(lines.last, range.last);
    if (first <= last) found.push({ first, last });
  }
  return found;
}

/** The lines an address names, or null. `#L120-140` is understood as well. */
export function parseLines(hash: string): LineRange | null {
  const match = /^#L(\d{1,12})(?:-L?(\d{1,12}))?$/.exec(hash);
  if (!match) return null;
  const a = Number(match[1]);
  const b = match[2] === undefined ? a : Number(match[2]);
  if (a < 1 || b < 1) return null;
  return { first: Math.min(a, b), last: Math.max(a, b) };
}

export function linesHash({ first, last }: LineRange): string {
  return first === last ? `#L${first}` : `#L${first}-L${last}`;
}

const OPENING = "([{";
const CLOSING = ")]}";

/** ASCII besides what encloses addresses; of everything else letters, marks, digits, and dots between names. */
const ADDRESS = /https?:\/\/[!#-&(-;=?-[\]_a-{}~\p{L}\p{M}\p{N}·・]+/giu;
/** A host behind which a text goes on without a space: no top-level name mixes these letters. */
const HOST_WITH_TEXT =
  /^https?:\/\/[^/?#\u0250-\u{10ffff}]*[a-z0-9](?=[\u0250-\u{10ffff}])(?![^/?#]*[.@])/iu;
/** Punctuation at the end belongs to the sentence. */
const TRAILING = `.,;:!?*·・${OPENING}`;

/** Web addresses in plain text: where they begin and end. */
export function addresses(text: string): readonly (readonly [from: number, to: number])[] {
  if (!text.includes("://")) return [];
  const found: [number, number][] = [];
  for (const match of text.matchAll(ADDRESS)) {
    const address = HOST_WITH_TEXT.exec(match[0])?.[0] ?? match[0];
    let end = balanced(address);
    while (TRAILING.includes(address[end - 1] ?? "-")) end -= 1;
    if (end > address.indexOf("://") + 3) found.push([match.index, match.index + end]);
  }
  return found;
}

/** Up to the first bracket that closes none of the address: it belongs to the sentence around it. */
function balanced(address: string): number {
  const open = [0, 0, 0];
  for (let at = 0; at < address.length; at += 1) {
    const character = address[at] ?? "";
    const opens = OPENING.indexOf(character);
    const closes = CLOSING.indexOf(character);
    if (opens >= 0) open[opens] = (open[opens] ?? 0) + 1;
    if (closes < 0) continue;
    open[closes] = (open[closes] ?? 0) - 1;
    if ((open[closes] ?? 0) < 0) return at;
  }
  return address.length;
}

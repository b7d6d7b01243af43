// `#L120` and `#L120-L140`: links to lines. Pure.

export interface LineRange {
  readonly first: number;
  readonly last: number;
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

/** Web addresses in plain text: where they begin and end. */
export function addresses(text: string): readonly (readonly [from: number, to: number])[] {
  if (!text.includes("://")) return [];
  const found: [number, number][] = [];
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'`\u2400-\u2426\ufffd]+/g)) {
    // Punctuation at the end belongs to the sentence.
    let end = match[0].length;
    while (end > 0 && ".,;:!?)]}".includes(match[0][end - 1] ?? "")) end -= 1;
    if (end > "https://".length) found.push([match.index, match.index + end]);
  }
  return found;
}

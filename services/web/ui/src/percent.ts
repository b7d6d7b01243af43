// How far unfinished output says that it is. Pure.

/** Of a long unfinished line only so much of its end is looked at. */
const MOST_CHARS = 1_000;
const PERCENT = /(?<![\d.,])(\d{1,3})(?:[.,]\d+)?[ \u00a0\u202f]?%/g;
/** What bars are drawn of: signs, lines (U+2500-257F), blocks (U+2580-259F) and Braille (U+2800-28FF). */
const BAR = "[|[\\](){}<>=#─-▟⠀-⣿]";
const AFTER_BAR = new RegExp(`${BAR}\\s*$`);
const BEFORE_BAR = new RegExp(`^\\s*${BAR}`);

/**
 * The per cent of a progress bar, from 0 to 100: `68` for `writing ━━━━╺━ 68 %` and for `68%|######    | 45/66`. The number
 * beside a bar counts more than others; without a bar the first one counts. Null where there is none.
 * @param text - One row as it is read, without escape sequences.
 */
export function percentOf(text: string): number | null {
  const end = text.slice(-MOST_CHARS);
  let first: number | null = null;
  for (const match of end.matchAll(PERCENT)) {
    const value = Number(match[1]);
    if (value > 100) continue;
    const before = end.slice(0, match.index);
    const after = end.slice(match.index + match[0].length);
    if (AFTER_BAR.test(before) || BEFORE_BAR.test(after)) return value;
    first ??= value;
  }
  return first;
}

/** As {@link percentOf}, of several bars that are drawn together: the first one that is not done. */
export function percentOfRows(rows: readonly string[]): number | null {
  const found = rows.map(percentOf).filter((value) => value !== null);
  return found.find((value) => value < 100) ?? found[0] ?? null;
}

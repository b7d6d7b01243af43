// The colours of `tokens.css`: text can be read on every ground that it stands on, and the log's colours know their grounds.

import { describe, expect, test } from "vitest";
import css from "../src/design/tokens.css?raw";
import { contrast, DARK, LIGHT, MIN_CONTRAST } from "../src/log/drawing/palette";

/** What AAA asks of text. */
const HIGH_CONTRAST = 7;

/** A colour of CSS as a number. */
function rgb(lightness: number, chroma: number, hue: number): number {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const channels = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((v) => 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055));
  return channels.reduce((sum, v) => sum * 256 + Math.min(255, Math.max(0, Math.round(v))), 0);
}

const PAIR =
  /--([\w-]+): light-dark\(oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\), oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)\)/g;

/** Names and colours in a piece of the file. */
function colours(text: string, theme: "light" | "dark"): Record<string, number> {
  const from = theme === "light" ? 2 : 5;
  return Object.fromEntries(
    [...text.matchAll(PAIR)].map((found) => [
      found[1] ?? "",
      rgb(Number(found[from]) / 100, Number(found[from + 1]), Number(found[from + 2])),
    ]),
  );
}

const [usual = "", more = ""] = css.split("@media (prefers-contrast: more)");

const PAGES = ["canvas", "surface", "raised", "sunken", "hover"];
const SOFT = ["accent-soft", "running-soft", "good-soft", "bad-soft", "warn-soft", "hit-soft"];
const STATES = ["accent", "running", "good", "bad", "warn"];

describe.each(["light", "dark"] as const)("%s", (theme) => {
  const plain = colours(usual, theme);
  const strong = { ...plain, ...colours(more, theme) };

  function least(all: Record<string, number>, text: string, grounds: readonly string[]): number {
    return Math.min(...grounds.map((one) => contrast(all[text] ?? 0, all[one] ?? 0)));
  }

  test.each([
    ["usual", plain, MIN_CONTRAST],
    ["high contrast", strong, HIGH_CONTRAST],
  ] as const)("%s: text on grounds", (_, all, enough) => {
    for (const text of ["ink", "muted", ...STATES])
      expect([text, least(all, text, [...PAGES, ...SOFT]) >= enough]).toEqual([text, true]);
    expect(least(all, "faint", PAGES)).toBeGreaterThanOrEqual(enough);
    expect(least(all, "accent-ink", ["accent"])).toBeGreaterThanOrEqual(MIN_CONTRAST);
    expect(least(all, "bad-ink", ["bad"])).toBeGreaterThanOrEqual(MIN_CONTRAST);
  });

  test("high contrast: borders can be seen", () => {
    for (const line of ["line", "line-strong"])
      expect(least(strong, line, ["canvas", "surface"])).toBeGreaterThanOrEqual(3);
  });

  test("the log's colours are made for these grounds", () => {
    const palette = theme === "light" ? LIGHT : DARK;
    expect([palette.bg, palette.fg]).toEqual([plain["surface"], plain["ink"]]);
    const rows = ["hover", "sunken", "accent-soft", "hit-soft", "bad-soft", "warn-soft"];
    expect(palette.rows.map((row) => row.toString(16))).toEqual(
      rows.map((name) => (plain[name] ?? 0).toString(16)),
    );
  });
});

// Colours of the log in both themes, and the least contrast that they keep. Pure.

import { INVERSE, type Style, TRUE_COLOUR } from "../model/style";

export interface Theme {
  readonly name: "dark" | "light";
  readonly bg: number;
  readonly fg: number;
  /** 16 colours as text. */
  readonly text: readonly number[];
  /** 16 colours behind text. */
  readonly back: readonly number[];
  /** Every row background that text may stand on. */
  readonly rows: readonly number[];
}

function list(colours: string): number[] {
  return colours.split(" ").map((colour) => Number.parseInt(colour, 16));
}

export const DARK: Theme = {
  name: "dark",
  bg: 0x14171e,
  fg: 0xe8ebef,
  text: list(
    "99a1aa ff7b72 3fb950 d29922 58a6ff bc8cff 39c5cf c9d1d9 9ea7b0 ffa198 56d364 e3b341 79c0ff d2a8ff 56d4dd ffffff",
  ),
  back: list(
    "30363d 8e1519 0f5323 693e00 0c2d6b 4a1e82 0b4a52 484f58 3d444d a40e26 116329 7d4e00 0a4fa3 6639ba 1b5f68 57606a",
  ),
  rows: list("1d2229 090c10 222849 383100 421b1b 382810"),
};

export const LIGHT: Theme = {
  name: "light",
  bg: 0xffffff,
  fg: 0x1a1f29,
  text: list(
    "24292f c0222c 116329 7d4e00 0550ae 7a42d4 0f616b 57606a 59636e a40e26 1a6b2f 6b4600 0a4fa3 6639ba 175c66 3d444d",
  ),
  back: list(
    "d0d7de ffcecb aceebb fae17d b6e3ff ecd8ff b3f0ff eaeef2 c8d1da ffaba8 6fdd8b eac54f 80ccff d8b9ff 76e3ea f6f8fa",
  ),
  rows: list("eef1f5 f1f4f7 ebefff fcf2b4 ffedec fef2d9"),
};

/** What AA asks of text. */
export const MIN_CONTRAST = 4.5;

function linear(channel: number): number {
  const c = channel / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

/** Relative luminance, as WCAG defines it. */
export function luminance(rgb: number): number {
  return (
    0.2126 * linear(rgb >> 16) + 0.7152 * linear((rgb >> 8) & 255) + 0.0722 * linear(rgb & 255)
  );
}

export function contrast(a: number, b: number): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

function towards(rgb: number, goal: number): number {
  const mix = (shift: number) => {
    const value = (rgb >> shift) & 255;
    return Math.round(value + (goal - value) * 0.1) << shift;
  };
  return mix(16) | mix(8) | mix(0);
}

const readables = new Map<number, number>();

/** The colour, moved towards white or black until it can be read on `bg`. */
export function readable(fg: number, bg: number): number {
  const key = fg * 0x1000000 + bg;
  const known = readables.get(key);
  if (known !== undefined) return known;
  // The way that leads further is the one that can succeed at all.
  const goal = contrast(0xffffff, bg) >= contrast(0, bg) ? 255 : 0;
  let colour = fg;
  for (let step = 0; step < 40 && contrast(colour, bg) < MIN_CONTRAST; step += 1) {
    colour = towards(colour, goal);
  }
  if (contrast(colour, bg) < MIN_CONTRAST) colour = goal === 255 ? 0xffffff : 0;
  if (readables.size > 4096) readables.clear();
  readables.set(key, colour);
  return colour;
}

const LEVELS = [0, 95, 135, 175, 215, 255];

/** Colours 16-255 of the 256: a cube and a ramp of greys. */
function cube(n: number): number {
  if (n >= 232) return ((n - 232) * 10 + 8) * 0x10101;
  const at = n - 16;
  const level = (index: number) => LEVELS[index % 6] ?? 0;
  return (level(Math.floor(at / 36)) << 16) | (level(Math.floor(at / 6)) << 8) | level(at);
}

function resolve(colour: number, sixteen: readonly number[]): number {
  if (colour >= TRUE_COLOUR) return colour & 0xffffff;
  return colour < 16 ? (sixteen[colour] ?? 0) : cube(colour);
}

export interface Paint {
  /** Colours as numbers; null: the row's own. */
  readonly fg: number | null;
  readonly bg: number | null;
}

/** What to paint a run with, readable on what lies behind it. */
export function paint(style: Style, theme: Theme): Paint {
  const inverse = (style.flags & INVERSE) !== 0;
  let front = inverse ? style.bg : style.fg;
  let behind = inverse ? style.fg : style.bg;
  // Swapped defaults are colours of the theme.
  if (inverse && front === -1) front = TRUE_COLOUR | theme.bg;
  if (inverse && behind === -1) behind = TRUE_COLOUR | theme.fg;
  const bg = behind === -1 ? null : resolve(behind, theme.back);
  if (front === -1) return { fg: bg === null ? null : readable(theme.fg, bg), bg };
  const colour = resolve(front, theme.text);
  if (bg !== null) return { fg: readable(colour, bg), bg };
  // The sixteen were chosen for every row background; others must hold on the worst of them.
  if (front < 16) return { fg: colour, bg };
  let held = readable(colour, theme.bg);
  for (const row of theme.rows) held = readable(held, row);
  return { fg: held, bg };
}

export function css(rgb: number): string {
  return `#${rgb.toString(16).padStart(6, "0")}`;
}

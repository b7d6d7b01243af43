// What text looks like: colours, attributes and the link in force, from the sequences
// before it. The server has the same in `style.py`; `line_vectors.json` holds both to
// the same answers. Pure.

import { MAX_PARAMETERS, number, type Sequence } from "./sequence";

export const BOLD = 1;
export const DIM = 2;
export const ITALIC = 4;
export const UNDERLINE = 8;
export const STRIKE = 16;
export const INVERSE = 32;
export const HIDDEN = 64;

/** Added to a true colour, so that it cannot be taken for one of the 256. */
export const TRUE_COLOUR = 0x1000000;

export interface Style {
  /** -1: the default; 0-255: the palette; from `TRUE_COLOUR` on: red, green, blue. */
  readonly fg: number;
  readonly bg: number;
  readonly flags: number;
  /** Address of an OSC 8 link, empty if there is none; always http or https. */
  readonly href: string;
}

export const PLAIN: Style = { fg: -1, bg: -1, flags: 0, href: "" };

/** Longest address of a link; more is not meant for people. */
export const LONGEST_HREF = 2048;
/** What no address holds: white space, controls, and what changes the direction of a text. */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
  /[\s\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const FLAGS: Readonly<Record<number, number>> = {
  1: BOLD,
  2: DIM,
  3: ITALIC,
  4: UNDERLINE,
  7: INVERSE,
  8: HIDDEN,
  9: STRIKE,
  21: UNDERLINE,
};
const UNFLAGS: Readonly<Record<number, number>> = {
  22: BOLD | DIM,
  23: ITALIC,
  24: UNDERLINE,
  27: INVERSE,
  28: HIDDEN,
  29: STRIKE,
};

/** The style after a sequence; the same object if it changes nothing. */
export function styled(style: Style, { name, body }: Sequence): Style {
  switch (name) {
    case "[m":
      return graphics(style, body);
    case "[!p":
      return made(-1, -1, 0, style.href);
    case "c":
      return PLAIN;
    case "]":
      return body.startsWith("8;") ? withLink(style, body) : style;
    default:
      return style;
  }
}

/** The style that the server knows to be in force: parameters of an SGR sequence, and a link. */
export function styleOf(sgr: string, href: string): Style {
  return withLink(graphics(PLAIN, sgr), `8;;${href}`);
}

function made(fg: number, bg: number, flags: number, href: string): Style {
  return fg === -1 && bg === -1 && flags === 0 && !href ? PLAIN : { fg, bg, flags, href };
}

function withLink(style: Style, body: string): Style {
  const address = body.slice(body.indexOf(";", 2) + 1);
  const safe =
    address.length <= LONGEST_HREF && /^https?:\/\/./i.test(address) && !UNSAFE.test(address);
  const href = safe ? address : "";
  return href === style.href ? style : made(style.fg, style.bg, style.flags, href);
}

/** The colour of `5 n` or `2 r g b`; -1 if it is neither, or not whole. */
function chosen(parts: readonly string[]): number {
  const [how, a, b, c] = parts.map((part) => Math.min(255, number(part)));
  if (how === 5 && a !== undefined) return a;
  if (how !== 2 || a === undefined || b === undefined || c === undefined) return -1;
  return TRUE_COLOUR | (a << 16) | (b << 8) | c;
}

function graphics(style: Style, body: string): Style {
  if (/[<-?]/.test(body)) return style;
  let { fg, bg, flags } = style;
  const parts = body.split(";", MAX_PARAMETERS);
  for (let i = 0; i < parts.length; i += 1) {
    const part = parts[i] ?? "";
    const sub = part.includes(":") ? part.split(":", MAX_PARAMETERS) : [part];
    const code = number(sub[0]);
    if (code === 38 || code === 48 || code === 58) {
      let colour: number;
      if (sub.length === 1) {
        const how = number(parts[i + 1]);
        const length = how === 5 ? 2 : how === 2 ? 4 : 0;
        colour = chosen(parts.slice(i + 1, i + 1 + length));
        i += length;
      } else {
        // Six parts have a colour space before the colour.
        const spaced = number(sub[1]) === 2 && sub.length >= 6;
        colour = chosen(spaced ? [sub[1] ?? "", ...sub.slice(3)] : sub.slice(1));
      }
      if (code === 38 && colour >= 0) fg = colour;
      if (code === 48 && colour >= 0) bg = colour;
    } else if (sub.length > 1) {
      // The kind of an underline; 0 is none.
      if (code === 4) flags = number(sub[1]) > 0 ? flags | UNDERLINE : flags & ~UNDERLINE;
    } else if (code === 0) {
      fg = bg = -1;
      flags = 0;
    } else if (code >= 30 && code <= 37) fg = code - 30;
    else if (code >= 90 && code <= 97) fg = code - 82;
    else if (code >= 40 && code <= 47) bg = code - 40;
    else if (code >= 100 && code <= 107) bg = code - 92;
    else if (code === 39) fg = -1;
    else if (code === 49) bg = -1;
    else flags = (flags | (FLAGS[code] ?? 0)) & ~(UNFLAGS[code] ?? 0);
  }
  if (fg === style.fg && bg === style.bg && flags === style.flags) return style;
  return made(fg, bg, flags, style.href);
}

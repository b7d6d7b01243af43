// Colour codes and links of one stored line: text in, runs of text out. Pure and
// linear in the length of the line. Everything that is no colour and no link is
// dropped; what is left of control characters is made visible.

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

export interface Run {
  readonly text: string;
  readonly style: Style;
}

export const PLAIN: Style = { fg: -1, bg: -1, flags: 0, href: "" };

const ESC = 0x1b;
const BEL = 0x07;
/** Longest address of a link; more is not meant for people. */
const LONGEST_HREF = 2048;
/** Colour codes beyond this many in one sequence are noise. */
const MOST_PARAMETERS = 64;
/** Each one may cost as much as the whole line: nobody watches more of them in one line. */
const MOST_ERASURES = 256;

const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const SPECIAL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/g;

/** Control characters and direction overrides as marks for the eye. */
export function visible(text: string): string {
  if (!SPECIAL.test(text)) return text;
  return text
    .replace(CONTROLS, (c) => {
      const code = c.charCodeAt(0);
      if (code < 0x20) return String.fromCharCode(0x2400 + code);
      return code === 0x7f ? "␡" : "\ufffd";
    })
    .replace(DIRECTIONS, "\ufffd");
}

/** What stands at `at`, which is an ESC: where it ends, and what it was. */
interface Sequence {
  readonly end: number;
  readonly kind: "sgr" | "link" | "erase" | "other";
  readonly body: string;
}

function sequence(line: string, at: number): Sequence | null {
  const code = line.charCodeAt(at + 1);
  if (code === 0x5b) return control(line, at);
  // OSC, DCS, SOS, PM, APC: strings up to BEL or ST; another ESC breaks them off.
  if (code === 0x5d || code === 0x50 || code === 0x58 || code === 0x5e || code === 0x5f) {
    return commandString(line, at, code === 0x5d);
  }
  let end = at + 1;
  while (line.charCodeAt(end) >= 0x20 && line.charCodeAt(end) <= 0x2f) end += 1;
  const last = line.charCodeAt(end);
  if (!(last >= 0x30 && last <= 0x7e)) return null;
  return { end: end + 1, kind: "other", body: "" };
}

function control(line: string, at: number): Sequence | null {
  let end = at + 2;
  while (line.charCodeAt(end) >= 0x30 && line.charCodeAt(end) <= 0x3f) end += 1;
  const parameters = end;
  while (line.charCodeAt(end) >= 0x20 && line.charCodeAt(end) <= 0x2f) end += 1;
  const last = line.charCodeAt(end);
  if (!(last >= 0x40 && last <= 0x7e)) return null;
  const plain = parameters === end;
  const body = line.slice(at + 2, parameters);
  const kind = plain && last === 0x6d && !/[<-?]/.test(body) ? "sgr" : "other";
  return { end: end + 1, kind: plain && last === 0x4b ? "erase" : kind, body };
}

function commandString(line: string, at: number, osc: boolean): Sequence | null {
  let end = at + 2;
  while (end < line.length) {
    const code = line.charCodeAt(end);
    if (code === ESC || (code === BEL && osc)) break;
    end += 1;
  }
  if (end >= line.length) return null;
  const bell = line.charCodeAt(end) === BEL;
  if (!bell && line[end + 1] !== "\\") return null;
  const body = line.slice(at + 2, end);
  return {
    end: end + (bell ? 1 : 2),
    kind: osc && body.startsWith("8;") ? "link" : "other",
    body,
  };
}

function withLink(style: Style, body: string): Style {
  const address = body.slice(body.indexOf(";", 2) + 1);
  const safe = /^https?:\/\/[^\s]+$/i.test(address) && address.length <= LONGEST_HREF;
  const href = safe && !SPECIAL.test(address) ? address : "";
  return href === style.href ? style : { ...style, href };
}

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

function channel(value: number | undefined): number {
  return Math.min(255, Math.max(0, value ?? 0));
}

function trueColour(r?: number, g?: number, b?: number): number {
  return TRUE_COLOUR | (channel(r) << 16) | (channel(g) << 8) | channel(b);
}

/** `38:5:n`, `38:2:r:g:b` and `38:2::r:g:b`; null if it is none of them. */
function colonColour(parts: readonly string[]): number | null {
  const numbers = parts.map(Number);
  if (numbers[1] === 5) return channel(numbers[2]);
  if (numbers[1] !== 2) return null;
  const at = parts.length >= 6 ? 3 : 2;
  return trueColour(numbers[at], numbers[at + 1], numbers[at + 2]);
}

function graphics(style: Style, body: string): Style {
  let { fg, bg, flags } = style;
  const parts = body.split(";", MOST_PARAMETERS);
  for (let i = 0; i < parts.length; i += 1) {
    const part = parts[i] ?? "";
    if (part.includes(":")) {
      const sub = part.split(":", MOST_PARAMETERS);
      const code = Number(sub[0]);
      const colour = code === 38 || code === 48 ? colonColour(sub) : null;
      if (colour !== null && code === 38) fg = colour;
      else if (colour !== null) bg = colour;
      else if (code === 4) flags = sub[1] === "0" ? flags & ~UNDERLINE : flags | UNDERLINE;
      continue;
    }
    const code = Number(part);
    if (code === 0) {
      fg = bg = -1;
      flags = 0;
    } else if (code === 38 || code === 48 || code === 58) {
      const how = Number(parts[i + 1]);
      let colour = -1;
      if (how === 5) colour = channel(Number(parts[i + 2]));
      if (how === 2) {
        colour = trueColour(Number(parts[i + 2]), Number(parts[i + 3]), Number(parts[i + 4]));
      }
      i += how === 5 ? 2 : how === 2 ? 4 : 0;
      if (code === 38 && colour >= 0) fg = colour;
      if (code === 48 && colour >= 0) bg = colour;
    } else if (code >= 30 && code <= 37) fg = code - 30;
    else if (code >= 90 && code <= 97) fg = code - 82;
    else if (code >= 40 && code <= 47) bg = code - 40;
    else if (code >= 100 && code <= 107) bg = code - 92;
    else if (code === 39) fg = -1;
    else if (code === 49) bg = -1;
    else flags = (flags | (FLAGS[code] ?? 0)) & ~(UNFLAGS[code] ?? 0);
  }
  if (fg === style.fg && bg === style.bg && flags === style.flags) return style;
  if (fg === -1 && bg === -1 && flags === 0 && !style.href) return PLAIN;
  return { fg, bg, flags, href: style.href };
}

/** The style in force after a line; cheap for lines without codes. */
export function carried(line: string, before: Style): Style {
  let style = before;
  let at = line.indexOf("\u001b");
  while (at >= 0) {
    const found = sequence(line, at);
    if (found?.kind === "sgr") style = graphics(style, found.body);
    else if (found?.kind === "link") style = withLink(style, found.body);
    at = line.indexOf("\u001b", found?.end ?? at + 1);
  }
  return style;
}

/** Collects text the way a terminal's line does: the last write wins. */
class Canvas {
  readonly #runs: Run[] = [];
  /** One cell per character from the first carriage return or backspace on. */
  #cells: Run[] | null = null;
  #column = 0;
  #erasures = 0;

  write(text: string, style: Style): void {
    if (text === "") return;
    if (this.#cells === null) {
      const last = this.#runs[this.#runs.length - 1];
      if (last?.style === style) {
        this.#runs[this.#runs.length - 1] = { text: last.text + text, style };
      } else this.#runs.push({ text, style });
      return;
    }
    for (const character of text) {
      while (this.#cells.length < this.#column) this.#cells.push({ text: " ", style: PLAIN });
      this.#cells[this.#column] = { text: character, style };
      this.#column += 1;
    }
  }

  move(back: boolean): void {
    this.#open();
    this.#column = back ? Math.max(0, this.#column - 1) : 0;
  }

  erase(body: string): void {
    const mode = body === "" ? 0 : Number(body);
    // Without cells the cursor is at the end: nothing stands behind it.
    if (mode === 0) {
      this.#cells?.splice(this.#column);
      return;
    }
    this.#erasures += 1;
    if (this.#erasures > MOST_ERASURES) return;
    const cells = this.#open();
    if (mode === 2) cells.length = 0;
    const upTo = Math.min(this.#column + 1, cells.length);
    for (let i = 0; i < upTo; i += 1) cells[i] = { text: " ", style: PLAIN };
  }

  #open(): Run[] {
    if (this.#cells === null) {
      this.#cells = this.#runs.flatMap(({ text, style }) =>
        Array.from(text, (character) => ({ text: character, style })),
      );
      this.#column = this.#cells.length;
    }
    return this.#cells;
  }

  finish(): readonly Run[] {
    if (this.#cells === null) return this.#runs;
    const runs: Run[] = [];
    let text = "";
    let style = PLAIN;
    for (const cell of this.#cells) {
      if (cell.style !== style && text) {
        runs.push({ text, style });
        text = "";
      }
      style = cell.style;
      text += cell.text;
    }
    if (text) runs.push({ text, style });
    return runs;
  }
}

/** The runs of a line that begins in a style, and the style after it. */
export function tokenise(
  line: string,
  before: Style = PLAIN,
): { readonly runs: readonly Run[]; readonly style: Style } {
  let length = line.length;
  while (length > 0 && line.charCodeAt(length - 1) === 0x0d) length -= 1;
  const text = length === line.length ? line : line.slice(0, length);
  if (!SPECIAL.test(text)) {
    return { runs: text ? [{ text, style: before }] : [], style: before };
  }
  const canvas = new Canvas();
  let style = before;
  let from = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
  const stops = /[\u001b\r\b]/g;
  while (true) {
    stops.lastIndex = from;
    const at = stops.exec(text)?.index ?? length;
    canvas.write(visible(text.slice(from, at)), style);
    if (at >= length) break;
    from = at + 1;
    if (text[at] !== "\u001b") {
      canvas.move(text[at] === "\b");
      continue;
    }
    const found = sequence(text, at);
    if (found === null) canvas.write("␛", style);
    else if (found.kind === "sgr") style = graphics(style, found.body);
    else if (found.kind === "link") style = withLink(style, found.body);
    else if (found.kind === "erase") canvas.erase(found.body);
    from = found?.end ?? from;
  }
  return { runs: canvas.finish(), style };
}

/** A line as it is read: without codes, with marks. */
export function plain(line: string): string {
  return SPECIAL.test(line)
    ? tokenise(line)
        .runs.map((run) => run.text)
        .join("")
    : line;
}

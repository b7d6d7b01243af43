// The escape sequences of a terminal (ECMA-48): where one ends, and what it is. One
// that is cut off, or broken by another character, is none. Pure.

/** Parameters beyond this many in one sequence are noise. */
export const MAX_PARAMETERS = 64;
/** Larger numbers mean nothing else. */
const MAX = 1e9;

const ESC = 0x1b;
const BEL = 0x07;

export interface Sequence {
  readonly end: number;
  /**
   * Which one: of a control sequence its intermediate and last characters with a `[` before them,
   * of one character that one; `]` for an operating system command, empty for all others.
   */
  readonly name: string;
  /** Its parameters, or the command. */
  readonly body: string;
}

/** What stands at `at`, which is an ESC; null if it is none. */
export function sequence(line: string, at: number): Sequence | null {
  const code = line.charCodeAt(at + 1);
  if (code === 0x5b) return control(line, at);
  // OSC, DCS, SOS, PM, APC: strings up to BEL or ST; another ESC breaks them off.
  if (code === 0x5d || code === 0x50 || code === 0x58 || code === 0x5e || code === 0x5f) {
    return commandString(line, at, code === 0x5d);
  }
  const end = after(line, at + 1, 0x20, 0x2f);
  const last = line.charCodeAt(end);
  if (!(last >= 0x30 && last <= 0x7e)) return null;
  return { end: end + 1, name: end === at + 1 ? (line[end] ?? "") : "", body: "" };
}

/** The first place from `at` on that holds no character of a range. */
function after(line: string, at: number, from: number, to: number): number {
  let end = at;
  while (line.charCodeAt(end) >= from && line.charCodeAt(end) <= to) end += 1;
  return end;
}

function control(line: string, at: number): Sequence | null {
  const parameters = after(line, at + 2, 0x30, 0x3f);
  const end = after(line, parameters, 0x20, 0x2f);
  const last = line.charCodeAt(end);
  if (!(last >= 0x40 && last <= 0x7e)) return null;
  return {
    end: end + 1,
    name: `[${line.slice(parameters, end + 1)}`,
    body: line.slice(at + 2, parameters),
  };
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
  return { end: end + (bell ? 1 : 2), name: osc ? "]" : "", body: line.slice(at + 2, end) };
}

/** A parameter as a number; without digits it is 0. */
export function number(digits: string | undefined): number {
  return Math.min(Number(digits || "0"), MAX);
}

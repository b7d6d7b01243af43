// Python's tracebacks: which frames are libraries' own, which of them follow each other, and what they ended in. Pure.

import { plain } from "./ansi";

/** Behind a margin, which frames of a group of exceptions have. */
const FRAME = /^([ |+]*) {2}File "([^"]+)", line \d/;
/** What pip or Debian installed, the standard library, and what the interpreter brings along. */
const LIBRARY =
  /[\\/](?:site|dist)-packages[\\/]|[\\/]lib(?:64)?[\\/]python\d[\w.]*[\\/]|[\\/]Lib[\\/](?!site-packages)\w+(?:[\\/][\w.]+)*\.py$|^<frozen /;
/** Below a frame: its source in some lines, and what is underlined in it. */
const MOST_SOURCE_LINES = 6;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it may begin with a colour
const INDENTED = /^(?:[ |+]{2}|\u001b)/;
const REPEATED = "  [Previous line repeated ";
const BEGINS = /^[ |+]*(?:Exception Group )?Traceback \(most recent call last\):/;
/** Deeper ones are cut by Python itself, or are nobody's to read. */
const MOST_LINES = 400;
/** So far a run of frames is followed beyond lines that came. */
const MOST_RUN_LINES = 4_000;
const FEWEST_FRAMES = 2;
const FEWEST_LINES = 3;

interface StoredLines {
  get(line: number): string | undefined;
}

interface Frame {
  readonly library: boolean;
  /** What its source is indented by. */
  readonly margin: string;
}

/** Frames of libraries that follow each other. */
export interface FrameRun {
  readonly first: number;
  readonly last: number;
  readonly frames: number;
}

/** A run that goes on. */
interface OpenRun {
  readonly first: number;
  readonly frames: number;
  /** Its newest frame, and where that begins. */
  readonly newest: number;
  readonly frame: Frame;
}

function read(stored: string): string {
  return plain(stored.slice(0, 1_024));
}

/** The frame that a line begins; most lines are none, and cost nearly nothing. */
function frameOn(stored: string): Frame | null {
  if (!INDENTED.test(stored) || !stored.includes("File ")) return null;
  const [, margin, file] = FRAME.exec(read(stored)) ?? [];
  return margin === undefined ? null : { library: LIBRARY.test(file ?? ""), margin };
}

/** Whether a line that begins none stands below a frame as a part of it. */
function isPartOf({ margin }: Frame, stored: string): boolean {
  const text = read(stored);
  return text.startsWith(`${margin}    `) || text.startsWith(margin + REPEATED);
}

/** Whether a line is a frame of a library in a traceback, or belongs to one. */
export function isLibraryFrame(lines: StoredLines, line: number): boolean {
  for (let at = line; at >= Math.max(1, line - MOST_SOURCE_LINES); at -= 1) {
    const stored = lines.get(at);
    // Most lines end it here.
    if (stored === undefined || !INDENTED.test(stored)) return false;
    const frame = frameOn(stored);
    if (frame === null) continue;
    if (!frame.library) return false;
    for (let below = at + 1; below <= line; below += 1)
      if (!isPartOf(frame, lines.get(below) ?? "")) return false;
    return true;
  }
  return false;
}

/** Whether a stored line is the first one of a traceback. */
export function beginsTraceback(line: string): boolean {
  return BEGINS.test(plain(line.slice(0, 1_024)));
}

/** The runs of libraries' frames in lines that came, and around them, whose ends are here. A traceback's last frame is in none: it failed there. */
export function libraryRuns(lines: StoredLines, first: number, last: number): FrameRun[] {
  const runs: FrameRun[] = [];
  let at = first;
  // The first lines may go on with a traceback whose beginning came before.
  while (at > 1 && first - at < MOST_RUN_LINES && INDENTED.test(lines.get(at - 1) ?? "")) at -= 1;
  let run = null as OpenRun | null;
  const close = (begun: number, end: number, frames: number) => {
    if (frames >= FEWEST_FRAMES && end - begun + 1 >= FEWEST_LINES)
      runs.push({ first: begun, last: end, frames });
    return null;
  };
  for (; at <= last || (run && at <= last + MOST_RUN_LINES); at += 1) {
    const stored = lines.get(at);
    if (stored === undefined) {
      run = null;
      continue;
    }
    const frame = frameOn(stored);
    if (frame?.library) {
      run = { first: run?.first ?? at, newest: at, frames: (run?.frames ?? 0) + 1, frame };
    } else if (run) {
      if (frame) run = close(run.first, at - 1, run.frames);
      else if (at - run.newest > MOST_SOURCE_LINES || !isPartOf(run.frame, stored))
        run = close(run.first, run.newest - 1, run.frames - 1);
    }
  }
  return runs;
}

/** What a traceback that begins at a line ended in, such as `ValueError: no`; empty if that is not here. */
export function endedIn(lines: StoredLines, line: number): string {
  const first = lines.get(line);
  if (first === undefined || !beginsTraceback(first)) return "";
  for (let at = line + 1; at < line + MOST_LINES; at += 1) {
    const stored = lines.get(at);
    if (stored === undefined) return "";
    const text = plain(stored);
    if (/^[\w|]/.test(text)) return text.replace(/^\| */, "");
    if (text.trim() === "") return "";
  }
  return "";
}

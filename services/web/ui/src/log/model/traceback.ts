// Python's tracebacks: which frames are libraries' own, and what they ended in. Pure.

import { plain } from "./ansi";

const FRAME = /^[ |+]{2,}File "([^"]+)", line \d/;
/** What pip or Debian installed, the standard library, and what the interpreter brings along. */
const LIBRARY =
  /[\\/](?:site|dist)-packages[\\/]|[\\/]lib(?:64)?[\\/]python\d[\w.]*[\\/]|[\\/]Lib[\\/](?!site-packages)\w+(?:[\\/][\w.]+)*\.py$|^<frozen /;
/** Below a frame: its source in some lines, and what is underlined in it. */
const MOST_SOURCE_LINES = 6;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it may begin with a colour
const INDENTED = /^(?:[ |+]{2}|\u001b)/;
const SOURCE = /^[ |+]{4,}/;
const BEGINS = /^[ |+]*(?:Exception Group )?Traceback \(most recent call last\):/;
/** Deeper ones are cut by Python itself, or are nobody's to read. */
const MOST_LINES = 400;

interface StoredLines {
  get(line: number): string | undefined;
}

/** Whether a line is a frame of a library in a traceback, or belongs to one. */
export function isLibraryFrame(lines: StoredLines, line: number): boolean {
  for (let at = line; at >= Math.max(1, line - MOST_SOURCE_LINES); at -= 1) {
    const stored = lines.get(at);
    // Most lines end it here.
    if (stored === undefined || !INDENTED.test(stored)) return false;
    const text = plain(stored.slice(0, 1_024));
    const frame = FRAME.exec(text);
    if (frame) return LIBRARY.test(frame[1] ?? "");
    if (!SOURCE.test(text)) return false;
  }
  return false;
}

/** Whether a stored line is the first one of a traceback. */
export function beginsTraceback(line: string): boolean {
  return BEGINS.test(plain(line.slice(0, 1_024)));
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

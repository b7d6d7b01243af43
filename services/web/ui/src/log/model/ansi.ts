// One stored line as it is read: text in, runs of text out. Pure and linear in the
// length of the line. What a terminal obeys within a line is obeyed, everything else is
// dropped, and what is left of control characters is made visible. The server has the
// same in `plain.py`; `line_vectors.json` holds both to the same answers.

import { Cells, type Run } from "./cells";
import { number, type Sequence, sequence } from "./sequence";
import { PLAIN, type Style, styled } from "./style";

const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const SPECIAL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/g;
/** To another character set and back: its letters are shown as they are. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const SHIFTS = /[\u000e\u000f]/g;
/** Control sequences that move the cursor within its line or take text away, with their parameters. */
const ACTING = /^(?:\[\??[0-9;]*[JK]|\[[0-9;]*[@CDGPX]|\[[su]|[78])$/;

const ACTING_LAST = "@CDGJKPXsu78";

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

/** The style in force after a line; cheap for lines without codes. */
export function carried(line: string, before: Style): Style {
  let style = before;
  if (!line.includes("\u001b")) return style;
  const text = line.replace(SHIFTS, "");
  let at = text.indexOf("\u001b");
  while (at >= 0) {
    const found = sequence(text, at);
    if (found) style = styled(style, found);
    at = text.indexOf("\u001b", found?.end ?? at + 1);
  }
  return style;
}

/** Collects text: as it comes, and in cells from the first move of the cursor on. */
class Canvas {
  readonly #runs: Run[] = [];
  #cells: Cells | null = null;

  write(text: string, style: Style): void {
    if (text === "") return;
    if (this.#cells) this.#cells.write(text, style);
    else this.#runs.push({ text, style });
  }

  act(name: string, count: number): void {
    // Without a move before it the cursor is at the end: nothing stands behind it.
    if (!this.#cells && (name === "K" || name === "J") && count === 0) return;
    if (!this.#cells) {
      this.#cells = new Cells();
      for (const run of this.#runs) this.#cells.write(run.text, run.style);
    }
    this.#cells.act(name, count);
  }

  finish(): readonly Run[] {
    return this.#cells ? this.#cells.runs() : joined(this.#runs);
  }
}

/** Runs of the same style as one. */
function joined(runs: readonly Run[]): readonly Run[] {
  const made: Run[] = [];
  for (const run of runs) {
    const last = made[made.length - 1];
    if (last?.style === run.style) made[made.length - 1] = { ...last, text: last.text + run.text };
    else made.push(run);
  }
  return made;
}

function acts({ name, body }: Sequence): boolean {
  if (!ACTING_LAST.includes(name.slice(-1))) return false;
  return ACTING.test(name.startsWith("[") ? `[${body}${name.slice(1)}` : name);
}

/** What there is to look at in a line without what never shows; null: it is shown as it is stored. */
function obeyed(line: string): string | null {
  if (!SPECIAL.test(line)) return null;
  const text = line.replace(SHIFTS, "");
  // Windows ends its lines with one, and a terminal sometimes adds another.
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0x0d) end -= 1;
  return text.slice(0, end);
}

/** The runs of a line that begins in a style, and the style after it. */
export function tokenise(
  line: string,
  before: Style = PLAIN,
): { readonly runs: readonly Run[]; readonly style: Style } {
  const text = obeyed(line);
  if (text === null || !SPECIAL.test(text)) {
    const shown = text ?? line;
    return { runs: shown ? [{ text: shown, style: before }] : [], style: before };
  }
  const canvas = new Canvas();
  let style = before;
  let from = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
  const stops = /[\u001b\r\b]/g;
  while (true) {
    stops.lastIndex = from;
    const at = stops.exec(text)?.index ?? text.length;
    canvas.write(visible(text.slice(from, at)), style);
    if (at >= text.length) break;
    from = at + 1;
    const character = text[at] ?? "";
    if (character !== "\u001b") {
      canvas.act(character, 0);
      continue;
    }
    const found = sequence(text, at);
    if (found === null) canvas.write("␛", style);
    else if (acts(found)) {
      canvas.act(found.name.slice(-1), number(found.body.replace("?", "").split(";", 1)[0]));
    } else style = styled(style, found);
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

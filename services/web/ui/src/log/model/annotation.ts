// Lines that mark an error or a warning, in the forms of GitHub's and Azure's runners: what is shown
// instead of their codes, and which column of the line stands where. The worker reads them
// in `markers.py`; `marker_vectors.json` holds both to the same answers. Pure.

import type { Run } from "./cells";
import type { Span } from "./search";

/** Something that is shown as something else: columns of what is shown, and of the line's text. */
export interface Swap {
  readonly shown: number;
  readonly shownLength: number;
  readonly stored: number;
  readonly storedLength: number;
}

export interface Annotation {
  /** What is said instead of the mark. */
  readonly words: string;
  /** Length of the mark. */
  readonly length: number;
}

const MARK =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
  /^[ \t]*(?:::(error|warning)(?:[ \t]+([^\u0000-\u001f\u007f]*?))?::|##(?:vso\[(task\.logissue)|\[(error|warning))(?:[ \t]+([^\u0000-\u001f\u007f\]]*))?\])/;
/** Azure's names of the properties. */
const ISSUE_NAMES: Readonly<Record<string, string>> = {
  sourcepath: "file",
  linenumber: "line",
  columnnumber: "col",
  code: "title",
};
/** Longer ones are not meant for people. */
const LONGEST_MARK = 4_096;
const LINE_END = "%0D%0A|%0A|%0D";
const ESCAPES = new RegExp(`${LINE_END}|%25`, "g");
/** What a line's end within a text is shown as. */
const LINE_END_SHOWN = " ⏎ ";

function unescaped(text: string): string {
  return text.replace(/%(?:0D|0A|25|3A|2C|3B|5D)/g, (code) =>
    String.fromCharCode(Number.parseInt(code.slice(1), 16)),
  );
}

/** What a line's mark says; null if it begins with none. */
export function annotationOf(line: string): Annotation | null {
  const found = MARK.exec(line.slice(0, LONGEST_MARK));
  if (!found) return null;
  const [mark, newKind, properties, issue, oldKind, oldProperties] = found;
  const given = new Map<string, string>();
  for (const part of (properties ?? oldProperties ?? "").split(newKind ? "," : ";")) {
    const at = part.indexOf("=");
    const name = part.slice(0, at).trim().toLowerCase();
    if (at > 0) given.set((issue && ISSUE_NAMES[name]) || name, unescaped(part.slice(at + 1)));
  }
  const kind = newKind ?? oldKind ?? given.get("type")?.trim();
  if (kind !== "error" && kind !== "warning") return null;
  const word = kind === "error" ? "Error: " : "Warning: ";
  const says = (name: string) => (given.get(name) ?? "").trim();
  const file = says("file");
  // Some write the place into the text as well.
  const named = line.slice(mark.length).trimStart().split(":", 1)[0] ?? "";
  const repeated = named !== "" && file.endsWith(named);
  const place = file && !repeated ? [file, says("line"), says("col")] : [];
  const parts = [place.filter((part) => part !== "").join(":"), says("title")];
  const words = parts.filter((part) => part !== "").map((part) => `${part}: `);
  return { words: word + words.join(""), length: mark.length };
}

/** The runs behind a mark without the codes that stand for other characters, and everything that was swapped. */
export function decoded(
  { words, length }: Annotation,
  runs: readonly Run[],
): { readonly runs: readonly Run[]; readonly swaps: readonly Swap[] } {
  const swaps: Swap[] = [{ shown: 0, shownLength: words.length, stored: 0, storedLength: length }];
  let [shown, stored] = [words.length, length];
  const made = runs.map(({ text, style }): Run => {
    let [read, out] = [0, ""];
    for (const { 0: code, index } of text.matchAll(ESCAPES)) {
      const instead = code === "%25" ? "%" : LINE_END_SHOWN;
      out += text.slice(read, index);
      swaps.push({
        shown: shown + out.length,
        shownLength: instead.length,
        stored: stored + index,
        storedLength: code.length,
      });
      out += instead;
      read = index + code.length;
    }
    out += text.slice(read);
    shown += out.length;
    stored += text.length;
    return { text: out, style };
  });
  return { runs: made, swaps };
}

/** Where a column of what is shown is in the line; within something swapped it is at its beginning, or its end. */
export function storedColumn(swaps: readonly Swap[], column: number, begins: boolean): number {
  let moved = 0;
  for (const swap of swaps) {
    if (column <= swap.shown) break;
    const end = swap.stored + swap.storedLength;
    if (column < swap.shown + swap.shownLength) return begins ? swap.stored : end;
    moved = end - (swap.shown + swap.shownLength);
  }
  return column + moved;
}

/** Where spans of the line's text are in what is shown. Of something swapped all is in them, or nothing. */
export function shownSpans(swaps: readonly Swap[], spans: readonly Span[]): readonly Span[] {
  const place = (column: number, end: boolean) => {
    let moved = 0;
    for (const swap of swaps) {
      if (column <= swap.stored) break;
      const after = swap.shown + swap.shownLength;
      if (column < swap.stored + swap.storedLength) return end ? after : swap.shown;
      moved = after - (swap.stored + swap.storedLength);
    }
    return column + moved;
  };
  return spans.map(([from, to]) => [place(from, false), place(to, true)]);
}

// The fields of a line that is a JSON object. Nothing is parsed before somebody asks. Pure.

import { plain, visible } from "./ansi";

/** Longer lines are not taken apart. */
export const MOST_CHARACTERS = 16 * 1024;

export interface Field {
  readonly name: string;
  /** As it is shown and copied: a text without its quotes, anything else as JSON. */
  readonly value: string;
}

/** Whether a stored line looks like a JSON object that is short enough; cheap. */
export function mayHaveFields(line: string): boolean {
  return line.length <= MOST_CHARACTERS && /^\s*\{/.test(line) && /\}\s*$/.test(line);
}

/** Browsers that can keep a number as it is written do so: it may have more digits than a number of theirs. */
interface Written {
  readonly rawJSON?: (source: string) => unknown;
}

/** The fields of a stored line; null if it is no JSON object. */
export function fieldsOf(line: string): readonly Field[] | null {
  if (!mayHaveFields(line)) return null;
  const { rawJSON } = JSON as Written;
  const exact = (_: string, value: unknown, context?: { readonly source?: string }) =>
    typeof value === "number" && context?.source && rawJSON ? rawJSON(context.source) : value;
  let parsed: unknown;
  try {
    parsed = JSON.parse(plain(line), exact);
  } catch {
    return null;
  }
  return Object.entries(parsed as Record<string, unknown>).map(([name, value]) => ({
    name: visible(name),
    value: shown(typeof value === "string" ? value : JSON.stringify(value, null, 2)),
  }));
}

/** With its line ends, and everything else as the log shows it. */
function shown(value: string): string {
  return value.split(/\r?\n/).map(visible).join("\n");
}

// A link that fills the form in: `/#start=etl.load&region=eu`. Pure.
// It stands behind the #, so that no server's log ever sees the values.

import { type Field, type Texts, textIn } from "../schema";

/** Longer links are cut by mail programs and refused by some browsers. */
export const MAX_LINK_CHARS = 4_000;

export interface Prefill {
  readonly task: string;
  readonly texts: Texts;
}

/** The marker of null; a text that is this very one is written with one more. */
const NULL = "\\null";

export function parsePrefill(hash: string): Prefill | null {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const task = given.get("start");
  if (!task) return null;
  const texts = [...given]
    .slice(0, 200)
    .filter(([name]) => name !== "start")
    .map(([name, value]) => [
      name.replace(/^\\/, ""),
      value === NULL ? null : value.replace(/^\\\\/, "\\"),
    ]);
  return { task, texts: Object.fromEntries(texts) };
}

/** Secrets never stand in a link; what is as it would be anyway need not. */
export function prefillHash(task: string, fields: readonly Field[], texts: Texts): string {
  const given = new URLSearchParams([["start", task]]);
  for (const { name, kind, initial } of fields) {
    const text = textIn(texts, name);
    if (kind === "secret" || text === undefined || text === initial) continue;
    // A parameter may be called "start" itself.
    const key = name === "start" || name.startsWith("\\") ? `\\${name}` : name;
    given.append(key, text === null ? NULL : text.replace(/^\\/, "\\\\"));
  }
  return `#${given}`;
}

/** What a link says of a task's fields, over what stands there. */
export function filled(fields: readonly Field[], over: Texts): Texts {
  const texts = fields.map(({ name, kind, initial, nullable, choices }) => {
    const wanted = kind === "secret" ? undefined : textIn(over, name);
    const unfit =
      wanted === undefined ||
      (wanted === null && !nullable) ||
      (kind === "choice" && wanted !== "" && wanted !== null && !choices.includes(wanted));
    return [name, unfit ? initial : wanted];
  });
  return Object.fromEntries(texts);
}

// A link that fills the form in: `/#start=etl.load&region=eu&.title=Again&.label=branch=main`. Pure.
// It stands behind the #, so that no server's log ever sees the values.

import { type Field, type Texts, textIn } from "../schema";
import type { Written } from "./named";

/** Longer links are cut by mail programs and refused by some browsers. */
export const MAX_LINK_CHARS = 4_000;

export interface Prefill {
  readonly task: string;
  readonly texts: Texts;
  readonly written: Written;
}

/** No parameter begins with a dot. */
const TITLE = ".title";
const LABEL = ".label";

/** The marker of null; a text that is this very one is written with one more. */
const NULL = "\\null";

export function parsePrefill(hash: string): Prefill | null {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const task = given.get("start");
  if (!task) return null;
  const texts = [...given]
    .slice(0, 200)
    .filter(([name]) => name !== "start" && !name.startsWith("."))
    .map(([name, value]) => [
      name.replace(/^\\/, ""),
      value === NULL ? null : value.replace(/^\\\\/, "\\"),
    ]);
  const written = { title: given.get(TITLE) ?? "", labels: given.getAll(LABEL).join("\n") };
  return { task, texts: Object.fromEntries(texts), written };
}

/** Secrets never stand in a link; what is as it would be anyway need not. */
export function prefillHash(
  task: string,
  fields: readonly Field[],
  texts: Texts,
  written: Written,
): string {
  const given = new URLSearchParams([["start", task]]);
  for (const { name, kind, initial } of fields) {
    const text = textIn(texts, name);
    if (kind === "secret" || text === undefined || text === initial) continue;
    // A parameter may be called "start" itself.
    const key = name === "start" || name.startsWith("\\") ? `\\${name}` : name;
    given.append(key, text === null ? NULL : text.replace(/^\\/, "\\\\"));
  }
  if (written.title.trim() !== "") given.append(TITLE, written.title);
  for (const line of written.labels.split("\n").filter((one) => one.trim() !== "")) {
    given.append(LABEL, line.trim());
  }
  return `#${given}`;
}

/** Whether a field can show a text. */
export function fits({ kind, nullable, choices }: Field, text: string | null): boolean {
  if (text === null) return nullable;
  return kind !== "choice" || text === "" || choices.includes(text);
}

/** What a link says of a task's fields, over what stands there. */
export function filled(fields: readonly Field[], over: Texts): Texts {
  const texts = fields.map((field) => {
    const wanted = field.kind === "secret" ? undefined : textIn(over, field.name);
    return [field.name, wanted !== undefined && fits(field, wanted) ? wanted : field.initial];
  });
  return Object.fromEntries(texts);
}

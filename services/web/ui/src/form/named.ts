// Title and labels of a run that is to be started, with the server's rules. Pure.

import type { About } from "../api";

/** What is written about a run: its title, and its labels, one per line. */
export interface Written {
  readonly title: string;
  readonly labels: string;
}

export const NOTHING: Written = { title: "", labels: "" };

/** Their places among the names of fields, where no parameter is. */
export const TITLE = ".title";
export const LABELS = ".labels";

const MAX_TITLE_CHARS = 200;
const MAX_LABELS = 20;
const MAX_VALUE_CHARS = 100;
const KEY = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/;
/** What Python does not call printable. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** `declared`: the labels that the task itself declares. */
export function readNamed(
  { title, labels }: Written,
  declared: Readonly<Record<string, string>>,
): { about: About; faults: Map<string, string> } {
  const faults = new Map<string, string>();
  if ([...title].length > MAX_TITLE_CHARS) {
    faults.set(TITLE, `must have at most ${MAX_TITLE_CHARS} characters`);
  }
  const found: Record<string, string> = {};
  try {
    for (const line of labels.split("\n").filter((one) => one.trim() !== "")) {
      const [key, value] = labelOf(line.trim());
      if (Object.hasOwn(declared, key)) {
        throw new Error(`the task declares the label ${key}, so it cannot be set`);
      }
      if (Object.hasOwn(found, key)) throw new Error(`the label ${key} is there twice`);
      found[key] = value;
    }
    const count = Object.keys(found).length;
    if (count > MAX_LABELS) {
      throw new Error(`there are ${count} labels: at most ${MAX_LABELS} are possible`);
    }
  } catch (error) {
    faults.set(LABELS, (error as Error).message);
  }
  const about = {
    ...(title.trim() === "" ? {} : { title }),
    ...(Object.keys(found).length === 0 ? {} : { labels: found }),
  };
  return { about, faults };
}

function labelOf(line: string): [key: string, value: string] {
  const at = line.indexOf("=");
  const shown = JSON.stringify(line.slice(0, 60));
  if (at < 0) throw new Error(`${shown} is no label: write its key, a =, and its value`);
  const key = line.slice(0, at).trim();
  const value = line.slice(at + 1).trim();
  if (!KEY.test(key)) {
    throw new Error(
      `${JSON.stringify(key.slice(0, 60))} cannot be the key of a label: a key has 1 to 63 letters, digits, ` +
        "'.', '_', '/' or '-', and begins with a letter or digit",
    );
  }
  if (value === "" || [...value].length > MAX_VALUE_CHARS || UNPRINTABLE.test(value)) {
    throw new Error(
      `the value of the label ${key} must have 1 to ${MAX_VALUE_CHARS} printable characters`,
    );
  }
  return [key, value];
}

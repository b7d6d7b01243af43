// What a text in the filter box may mean. Pure.

import type { Choice } from "../combobox";
import type { Filters } from "../filters";
import { fitting } from "../matching";
import { timesMeant } from "./timewords";

/** What the page has seen so far. */
export interface Known {
  readonly tasks: readonly string[];
  readonly people: readonly string[];
  /** As `key:value`. */
  readonly labels: readonly string[];
  readonly ids: readonly string[];
}

/** No kind of thing keeps another out of sight. */
const EACH = 8;

/** What is known and fits; times; then the text itself, as it stands. */
export function suggestions(text: string, known: Known, now: Date): Choice[] {
  const { tasks, people, labels, ids } = known;
  const of = (names: readonly string[], kind: keyof typeof KINDS) =>
    fitting(names, text)
      .slice(0, EACH)
      .map((name) => choice(kind, name));
  const seen = [...of(tasks, "task"), ...of(labels, "label"), ...of(people, "who")];
  const times = timesMeant(text, now).map(({ words, since, until }) => ({
    key: `time ${since} ${until}`,
    text: words,
    about: KINDS.time,
  }));
  if (text === "") return [...seen, ...times];
  const id = ids.filter((one) => one.startsWith(text)).slice(0, EACH);
  const itself = (["task", "who", "label", "run"] as const)
    .filter((kind) => kind !== "label" || /^[^:]+:./.test(text))
    .filter((kind) => kind !== "run" || /^[^\s]{8,}$/.test(text))
    .map((kind) => (kind === "task" ? part(text) : choice(kind, text)));
  const all = [...seen, ...id.map((one) => choice("run", one)), ...times, ...itself];
  const looksLikeId = /^[0-9a-f]{8}-[0-9a-f-]{27}/.test(text);
  if (looksLikeId) all.sort((a, b) => Number(kindOf(b) === "run") - Number(kindOf(a) === "run"));
  return all.filter(({ key }, at) => all.findIndex((one) => one.key === key) === at);
}

const KINDS = {
  task: "task",
  label: "label",
  who: "started by",
  run: "open this run",
  time: "time",
} as const;

function choice(kind: keyof typeof KINDS, text: string): Choice {
  return { key: `${kind} ${text}`, text, about: KINDS[kind] };
}

/** Tasks with the text in their names, known or not. */
function part(text: string): Choice {
  const pattern = text.includes("*") ? text : `*${text}*`;
  return { ...choice("task", pattern), about: "tasks whose names have it" };
}

function kindOf({ key }: Choice): string {
  return key.slice(0, key.indexOf(" "));
}

/** The filter that a suggestion stands for, or the run. */
export function taken(choice: Choice): Partial<Filters> | { readonly run: string } {
  const kind = kindOf(choice);
  if (kind === "time") {
    const [since = "", until = ""] = choice.key.slice("time ".length).split(" ");
    return { since, until };
  }
  return kind === "run" ? { run: choice.text } : { [kind]: choice.text };
}

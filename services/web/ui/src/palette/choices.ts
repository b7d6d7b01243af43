// What the command palette offers for a text. Pure.

import type { Run, Task } from "../api";
import type { Choice } from "../combobox";
import { fitting } from "../matching";

/** More of one kind would hide the others. */
const SHOWN = 6;

/** A page to go to, or something to set. */
export interface Command {
  readonly text: string;
  readonly about: string;
  readonly group: string;
  /** Other words that people look for it by. */
  readonly words: string;
  readonly act: () => void | Promise<void>;
}

export interface Known {
  /** The newest, and what the server found. */
  readonly runs: readonly Run[];
  readonly tasks: readonly Task[];
  readonly commands: readonly Command[];
  /** Labels of a run as `key:value`. */
  readonly labelsOf: (run: Run) => readonly string[];
}

/** The kinds of keys of choices: what follows is an id, a task or the number of a command. */
export const RUN = "run ";
export const TASK = "task ";
export const COMMAND = "command ";

/** Best first within each group. Without a text: the newest runs, and all pages. */
export function choicesFor(text: string, known: Known): Choice[] {
  return [
    ...runChoices(text, known),
    ...(text === "" ? [] : taskChoices(text, known.tasks)),
    ...commandChoices(text, known.commands),
  ];
}

function runChoices(text: string, { runs, labelsOf }: Known): Choice[] {
  const wanted = text.toLowerCase();
  const ranked = runs
    .map((run) => [rank(run, wanted, labelsOf(run)), run] as const)
    .filter(([grade]) => grade < NO_FIT)
    .sort(([a, one], [b, other]) => a - b || other.created_ms - one.created_ms);
  return ranked.slice(0, SHOWN).map(([, run]) => ({
    key: `${RUN}${run.id}`,
    text: run.title ? `${run.task} · ${run.title}` : run.task,
    about: [run.state, ...labelsOf(run).slice(0, 2), run.id.slice(0, 8)].join(" · "),
    group: text === "" ? "Newest runs" : "Runs",
  }));
}

const NO_FIT = 9;

/** How well a run fits: its id before its title and task, these before its labels. */
function rank(run: Run, wanted: string, labels: readonly string[]): number {
  if (wanted === "") return 0;
  if (run.id.toLowerCase().startsWith(wanted)) return 0;
  const names = [run.title ?? "", run.task].map((name) => name.toLowerCase());
  if (names.some((name) => name.startsWith(wanted))) return 1;
  if (names.some((name) => name.includes(wanted))) return 2;
  return labels.some((label) => label.toLowerCase().includes(wanted)) ? 3 : NO_FIT;
}

function taskChoices(text: string, tasks: readonly Task[]): Choice[] {
  const about = new Map(tasks.map(({ name, doc }) => [name, doc.split("\n")[0] ?? ""]));
  return fitting([...about.keys()], text)
    .slice(0, SHOWN)
    .map((name) => ({
      key: `${TASK}${name}`,
      text: `Start ${name}…`,
      about: about.get(name) ?? "",
      group: "Start a run",
    }));
}

function commandChoices(text: string, commands: readonly Command[]): Choice[] {
  const wanted = text.toLowerCase();
  return commands.flatMap((command, index) => {
    const { text: name, about, group, words } = command;
    const fits = `${name} ${words}`.toLowerCase().includes(wanted);
    return fits ? [{ key: `${COMMAND}${index}`, text: name, about, group }] : [];
  });
}

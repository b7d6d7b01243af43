// The command palette: one box for runs, tasks to start, pages and settings.

import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { goTo, here } from "../address";
import { type Task, tasks } from "../api";
import { type Choice, Combobox } from "../combobox";
import { labelsOf } from "../filters";
import { ProblemNote } from "../problem";
import { theme } from "../theme";
import { lacks, who } from "../who";
import { COMMAND, choicesFor, RUN, TASK } from "./choices";
import { commandsFor } from "./commands";
import { RunSearch } from "./runsearch";

/** `closed`: it is not shown any more. */
export function Palette({ closed }: { closed: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const search = useMemo(() => new RunSearch(), []);
  const startable = useSignal<readonly Task[]>([]);
  const problem = useSignal<Error | null>(null);
  const commands = commandsFor(who.value, theme.value);

  async function fetchTasks(): Promise<void> {
    if (lacks("run:start") !== null) return;
    try {
      startable.value = (await tasks()).tasks;
    } catch (error) {
      problem.value = error as Error;
    }
  }

  // Before the next key: it is meant for the box.
  useLayoutEffect(() => {
    dialog.current?.showModal();
    void search.newest();
    void fetchTasks();
    return () => search.stop();
  }, []);

  async function choose({ key }: Choice): Promise<void> {
    const rest = (kind: string) => key.slice(kind.length);
    problem.value = null;
    try {
      if (key.startsWith(RUN)) goTo(rest(RUN));
      else if (key.startsWith(TASK)) toForm(rest(TASK));
      else await commands[Number(rest(COMMAND))]?.act();
      dialog.current?.close();
    } catch (error) {
      problem.value = error as Error;
    }
  }

  const failure = problem.value ?? search.problem.value;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same
    <dialog
      ref={dialog}
      class="palette"
      aria-label="Search"
      onClose={closed}
      onClick={(event) => {
        if (event.target === event.currentTarget) event.currentTarget.close();
      }}
    >
      <div class="sheet">
        <Combobox
          id="palette"
          label="Search runs, tasks and pages"
          placeholder="Search runs, tasks and pages"
          value=""
          standing
          written={(text) => search.written(text)}
          find={(text) =>
            choicesFor(text, {
              runs: search.runs.value,
              tasks: startable.value,
              commands,
              labelsOf,
            })
          }
          choose={(choice) => void choose(choice)}
        />
        {failure && <ProblemNote problem={failure} />}
        <p class="keys" aria-hidden="true">
          <kbd>↑</kbd> <kbd>↓</kbd> choose <kbd>Enter</kbd> open <kbd>Esc</kbd> close
        </p>
      </div>
    </dialog>
  );
}

/** The form of a task lies beside the list. */
function toForm(task: string): void {
  const hash = `#start=${encodeURIComponent(task)}`;
  if (location.pathname === here("/")) location.hash = hash;
  else location.assign(`${here("/")}${hash}`);
}

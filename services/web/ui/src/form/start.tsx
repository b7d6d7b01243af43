// The tutorial's button, and the drawer where any task is started.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { goTo } from "../address";
import { freshKey, type Run, run as readRun, runs, start, type Task } from "../api";
import { type Choice, Combobox } from "../combobox";
import { Icon } from "../design/icon";
import { SquareButton } from "../design/squarebutton";
import { fitting } from "../matching";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { fields, textOf } from "../schema";
import { NOTHING } from "./named";
import { parsePrefill } from "./prefill";
import { type Given, TaskForm } from "./taskform";

/** The id of the input that chooses one. */
const TASK = "task";

/** How often what is said of a task is asked again, while it is in sight. */
const NEARBY_MS = 10_000;

/** One click, one run: `demo.tail`, where a worker has it. */
export function StartButton({ tasks }: { tasks: readonly Task[] }) {
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);
  const key = useSignal(freshKey());
  const task = tasks.find(({ name }) => name === "demo.tail");
  if (!task) return null;
  async function click(name: string): Promise<void> {
    busy.value = true;
    problem.value = null;
    try {
      const run = await start(name, {}, key.value);
      key.value = freshKey();
      goTo(run.id);
    } catch (error) {
      problem.value = error as Error;
    }
    busy.value = false;
  }
  return (
    <>
      <button
        type="button"
        class="quiet"
        disabled={busy.value}
        title={`Start ${task.name}: ${sanitize(task.doc.split("\n")[0] ?? "")}`}
        onClick={() => void click(task.name)}
      >
        <Icon name="running" />
        {busy.value ? "Starting…" : "Try demo.tail"}
      </button>
      {problem.value && <ProblemNote problem={problem.value} />}
    </>
  );
}

/** What the address asks for: a task with values, or another run's (`#again=<id>`). */
async function asked(
  hash: string,
  tasks: readonly Task[],
): Promise<({ task: Task } & Given) | null> {
  const again = new URLSearchParams(hash.replace(/^#/, "")).get("again");
  const prefill = parsePrefill(hash);
  const run = again ? await readRun(again) : null;
  const name = run?.task ?? prefill?.task;
  if (name === undefined) return null;
  const task = tasks.find((one) => one.name === name);
  if (!task) throw new Error(`No worker has published a task named ${name}.`);
  if (!run) return { task, texts: prefill?.texts ?? {}, written: prefill?.written ?? NOTHING };
  const given = fields(task.schema).flatMap((field) =>
    run.kwargs && Object.hasOwn(run.kwargs, field.name)
      ? [[field.name, textOf(field, run.kwargs[field.name])] as const]
      : [],
  );
  return { task, texts: Object.fromEntries(given), written: NOTHING };
}

/** Runs of a task, and runs that wait, which the list beside the drawer may have filtered away. */
function nearby(task: string, tell: (runs: readonly Run[]) => void): () => void {
  let stopped = false;
  async function ask(): Promise<void> {
    try {
      const [own, waiting] = await Promise.all([
        runs(new URLSearchParams({ task, limit: "50" })),
        runs(new URLSearchParams({ state: "queued", limit: "200" })),
      ]);
      const found = new Map([...own.runs, ...waiting.runs].map((run) => [run.id, run]));
      if (!stopped) tell([...found.values()]);
    } catch {
      // What the list shows is said meanwhile.
    }
  }
  void ask();
  const again = setInterval(() => void ask(), NEARBY_MS);
  return () => {
    stopped = true;
    clearInterval(again);
  };
}

interface Asked extends Given {
  readonly task: string;
  /** Where it came from: another link is another form. */
  readonly from: string;
}

interface Drawer {
  readonly tasks: readonly Task[];
  readonly open: Signal<boolean>;
  /** What would become of a run of a task, as far as these runs and the page's own tell; null: only those. */
  readonly prospect: (task: Task, runs: readonly Run[] | null) => string;
}

/** Beside the list, which stays where it is: a task, its form, and what will happen. */
export function StartDrawer({ tasks, open, prospect }: Drawer) {
  const chosen = useSignal("");
  const given = useSignal<Asked | null>(null);
  const problem = useSignal<Error | null>(null);
  // What was written stays when the drawer is shut.
  const used = useSignal(false);
  const near = useSignal<{ task: string; runs: readonly Run[] } | null>(null);
  const dialog = useRef<HTMLDialogElement>(null);

  async function fromAddress(): Promise<void> {
    const from = location.hash;
    try {
      const found = await asked(from, tasks);
      if (!found) return;
      given.value = { ...found, task: found.task.name, from };
      chosen.value = found.task.name;
      problem.value = null;
    } catch (error) {
      problem.value = error as Error;
    }
    open.value = true;
  }

  useEffect(() => {
    void fromAddress();
    const changed = () => void fromAddress();
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);

  const wanted = open.value;
  const name = tasks.find((one) => one.name === chosen.value)?.name ?? tasks[0]?.name;
  useEffect(() => {
    if (!wanted || name === undefined) return undefined;
    return nearby(name, (runs) => {
      near.value = { task: name, runs };
    });
  }, [wanted, name]);

  useEffect(() => {
    if (!wanted) {
      dialog.current?.close();
      return;
    }
    used.value = true;
    if (dialog.current?.open) return;
    dialog.current?.showModal();
    // Else the button that closes it has the focus, and Enter closes what one has begun to write. What one writes names
    // another task.
    const input = document.getElementById(TASK) as HTMLInputElement | null;
    input?.focus();
    input?.select();
  }, [wanted]);

  function closed(): void {
    open.value = false;
    // The same link opens it again.
    if (/^#(start|again)=/.test(location.hash)) {
      history.replaceState(null, "", location.pathname + location.search);
    }
  }

  const task = tasks.find((one) => one.name === name);
  if (!task) return null;
  const runsNear = near.value?.task === task.name ? near.value.runs : null;
  const mine = given.value?.task === task.name ? given.value : null;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same
    <dialog
      class="drawer"
      aria-label="Start a run"
      ref={dialog}
      onClose={closed}
      onClick={(event) => {
        if (event.target === event.currentTarget) event.currentTarget.close();
      }}
    >
      <header>
        <h2>Start a run</h2>
        <SquareButton icon="close" label="Close" press={() => dialog.current?.close()} />
      </header>
      <div class="form">
        {problem.value && <ProblemNote problem={problem.value} />}
        <div class="field">
          <label for={TASK}>Task</label>
          <Combobox
            id={TASK}
            label="Task"
            placeholder="Write a part of its name"
            nothing="No task has this in its name or description."
            value={task.name}
            find={(text) => offered(tasks, text)}
            choose={({ key }) => {
              chosen.value = key;
            }}
          />
        </div>
        <div class="prospect">
          {task.doc && <Doc text={sanitize(task.doc)} />}
          <p>{sanitize(prospect(task, runsNear))}</p>
        </div>
        {used.value && (
          <TaskForm key={`${task.name} ${mine?.from ?? ""}`} task={task} given={mine} />
        )}
      </div>
    </dialog>
  );
}

/** Its first line is what the task does. */
function Doc({ text }: { text: string }) {
  const end = text.search(/\n|$/);
  return (
    <p class="doc">
      <b>{text.slice(0, end)}</b>
      {text.slice(end)}
    </p>
  );
}

/** Tasks whose name or description has the text. */
function offered(tasks: readonly Task[], text: string): Choice[] {
  const named = fitting(
    tasks.map(({ name }) => name),
    text,
  );
  const wanted = text.toLowerCase();
  const about = new Map(tasks.map(({ name, doc }) => [name, doc.split("\n")[0] ?? ""]));
  const described = tasks.filter(
    ({ name }) => !named.includes(name) && about.get(name)?.toLowerCase().includes(wanted),
  );
  const names = [...named, ...described.map(({ name }) => name)];
  return names.map((name) => ({ key: name, text: name, about: about.get(name) ?? "" }));
}

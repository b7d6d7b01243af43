// The tutorial's Start button, and a form for any task.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { goTo } from "../address";
import { freshKey, run as readRun, start, type Task } from "../api";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { fields, type Texts, textOf } from "../schema";
import { parsePrefill } from "./prefill";
import { TaskForm } from "./taskform";

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
    <div class="start">
      <button
        type="button"
        class="primary"
        disabled={busy.value}
        onClick={() => void click(task.name)}
      >
        {busy.value ? "Starting…" : "Start"}
      </button>
      <span class="hint">
        runs <code>{task.name}</code>: {sanitize(task.doc.split("\n")[0] ?? "")}
      </span>
      {problem.value && <ProblemNote problem={problem.value} />}
    </div>
  );
}

/** What the address asks for: a task with values, or another run's (`#again=<id>`). */
async function asked(
  hash: string,
  tasks: readonly Task[],
): Promise<{ task: Task; texts: Texts } | null> {
  const again = new URLSearchParams(hash.replace(/^#/, "")).get("again");
  const prefill = parsePrefill(hash);
  const run = again ? await readRun(again) : null;
  const name = run?.task ?? prefill?.task;
  if (name === undefined) return null;
  const task = tasks.find((one) => one.name === name);
  if (!task) throw new Error(`No worker has published a task named ${name}.`);
  if (!run) return { task, texts: prefill?.texts ?? {} };
  const given = fields(task.schema).flatMap((field) =>
    run.kwargs && Object.hasOwn(run.kwargs, field.name)
      ? [[field.name, textOf(field, run.kwargs[field.name])] as const]
      : [],
  );
  return { task, texts: Object.fromEntries(given) };
}

export function StartForm({ tasks }: { tasks: readonly Task[] }) {
  const chosen = useSignal("");
  const given = useSignal<{ task: string; texts: Texts } | null>(null);
  const problem = useSignal<Error | null>(null);
  const open = useSignal(false);
  const box = useRef<HTMLDetailsElement>(null);

  async function fromAddress(): Promise<void> {
    try {
      const found = await asked(location.hash, tasks);
      if (!found) return;
      given.value = { task: found.task.name, texts: found.texts };
      chosen.value = found.task.name;
    } catch (error) {
      problem.value = error as Error;
    }
    if (box.current) box.current.open = true;
    box.current?.scrollIntoView({ block: "nearest" });
  }

  useEffect(() => {
    void fromAddress();
    const changed = () => void fromAddress();
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);

  const task = tasks.find(({ name }) => name === chosen.value) ?? tasks[0];
  if (!task) return null;
  const texts = given.value?.task === task.name ? given.value.texts : null;
  return (
    <details
      class="form"
      ref={box}
      onToggle={(event) => {
        open.value = event.currentTarget.open;
      }}
    >
      <summary>Start any task</summary>
      {problem.value && <ProblemNote problem={problem.value} />}
      <div class="field">
        <label for="task">Task</label>
        <select
          id="task"
          value={task.name}
          onChange={(event) => {
            chosen.value = event.currentTarget.value;
          }}
        >
          {tasks.map(({ name }) => (
            <option key={name} value={name}>
              {sanitize(name)}
            </option>
          ))}
        </select>
        <small>
          {task.exclusive ? "One run at a time. " : ""}Queue <code>{sanitize(task.queue)}</code>
        </small>
      </div>
      {task.doc && <p class="hint doc">{sanitize(task.doc)}</p>}
      {open.value && (
        <TaskForm key={`${task.name} ${texts ? location.hash : ""}`} task={task} given={texts} />
      )}
    </details>
  );
}

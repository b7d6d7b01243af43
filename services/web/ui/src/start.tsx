// The tutorial's Start button, and a form for any task.

import { useSignal } from "@preact/signals";
import type { TargetedSubmitEvent } from "preact";
import { freshKey, Problem, start, type Task } from "./api";
import { ProblemNote } from "./problem";
import { type Field, fields, fieldValue } from "./schema";

function goTo(runId: string): void {
  location.assign(`/runs/${encodeURIComponent(runId)}`);
}

/** One click, one run: `demo.tail`, or the first task there is. */
export function StartButton({ tasks }: { tasks: readonly Task[] }) {
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);
  const task = tasks.find(({ name }) => name === "demo.tail");
  if (!task) return null;
  async function click(name: string): Promise<void> {
    busy.value = true;
    problem.value = null;
    try {
      goTo((await start(name, {}, freshKey())).id);
    } catch (error) {
      problem.value = error as Error;
      busy.value = false;
    }
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
        runs <code>{task.name}</code>: {task.doc.split("\n")[0]}
      </span>
      {problem.value && <ProblemNote problem={problem.value} />}
    </div>
  );
}

export function StartForm({ tasks }: { tasks: readonly Task[] }) {
  const chosen = useSignal(tasks[0]?.name ?? "");
  const task = tasks.find(({ name }) => name === chosen.value) ?? tasks[0];
  if (!task) return null;
  return (
    <details class="form">
      <summary>Start any task</summary>
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
              {name}
            </option>
          ))}
        </select>
      </div>
      <p class="hint doc">{task.doc}</p>
      <TaskForm key={task.name} task={task} />
    </details>
  );
}

function TaskForm({ task }: { task: Task }) {
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);
  const wrong = useSignal<ReadonlyMap<string, string>>(new Map());
  // The same key until something changes: a second click starts no second run.
  const key = useSignal(freshKey());
  const list = fields(task.schema);

  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const kwargs: Record<string, unknown> = {};
    const messages = new Map<string, string>();
    for (const field of list) {
      const input = form.elements.namedItem(field.name);
      const text =
        input instanceof HTMLInputElement && input.type === "checkbox"
          ? String(input.checked)
          : (input as HTMLInputElement | HTMLSelectElement).value;
      try {
        const value = fieldValue(field, text);
        if (value !== undefined) kwargs[field.name] = value;
      } catch (error) {
        messages.set(field.name, (error as Error).message);
      }
    }
    wrong.value = messages;
    problem.value = null;
    if (messages.size === 0) await send(kwargs);
    const first = list.find(({ name }) => wrong.value.has(name));
    if (first) (form.elements.namedItem(first.name) as HTMLElement).focus();
  }

  async function send(kwargs: Record<string, unknown>): Promise<void> {
    busy.value = true;
    try {
      goTo((await start(task.name, kwargs, key.value)).id);
    } catch (error) {
      busy.value = false;
      problem.value = error as Error;
      if (!(error instanceof Problem)) return;
      if (error.status !== 0 && error.status !== 503) key.value = freshKey();
      wrong.value = new Map(error.errors.map(({ field, message }) => [field, message]));
    }
  }

  return (
    <form
      onSubmit={(event) => void submit(event)}
      onInput={() => {
        key.value = freshKey();
      }}
    >
      {list.map((field) => (
        <FieldRow key={field.name} field={field} message={wrong.value.get(field.name)} />
      ))}
      {problem.value && <ProblemNote problem={problem.value} />}
      <button type="submit" class="primary" disabled={busy.value}>
        {busy.value ? "Starting…" : `Start ${task.name}`}
      </button>
    </form>
  );
}

function FieldRow({ field, message }: { field: Field; message: string | undefined }) {
  const described = `about-${field.name}`;
  return (
    <div class={message ? "field wrong" : "field"}>
      <label for={`field-${field.name}`}>
        {field.name}
        {field.required && " *"}
      </label>
      <Input field={field} described={described} wrong={message !== undefined} />
      <small id={described}>{message ?? field.help}</small>
    </div>
  );
}

function Input(props: { field: Field; described: string; wrong: boolean }) {
  const { field } = props;
  const common = {
    id: `field-${field.name}`,
    name: field.name,
    "aria-describedby": props.described,
    "aria-invalid": props.wrong,
  };
  if (field.kind === "boolean") {
    return <input type="checkbox" defaultChecked={field.initial === "true"} {...common} />;
  }
  if (field.kind === "choice") {
    return (
      <select {...common}>
        {field.choices.map((choice) => (
          <option key={choice} value={choice} selected={choice === field.initial}>
            {choice}
          </option>
        ))}
      </select>
    );
  }
  const numeric = field.kind === "integer" || field.kind === "number";
  return (
    <input
      type="text"
      inputMode={numeric ? "decimal" : "text"}
      defaultValue={field.initial}
      autoComplete="off"
      spellcheck={false}
      {...common}
    />
  );
}

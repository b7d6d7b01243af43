// The form of one task: values in, a run out.

import { useSignal } from "@preact/signals";
import type { TargetedSubmitEvent } from "preact";
import { useEffect } from "preact/hooks";
import { goTo, here } from "../address";
import { freshKey, Problem, start, type Task } from "../api";
import { copyText } from "../clipboard";
import { Icon } from "../design/icon";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { type Field, faultOf, fields, fieldValue, type Texts, textIn } from "../schema";
import { placed } from "./errors";
import { FieldRow, inputId } from "./fields";
import { filled, MAX_LINK_CHARS, prefillHash } from "./prefill";
import { forgetTexts, lastTexts, rememberTexts } from "./remembered";

/** `given`: values from a link or another run; they go before those of last time. */
export function TaskForm({ task, given }: { task: Task; given: Texts | null }) {
  const list = fields(task.schema);
  const last = given ? {} : lastTexts(task.name);
  const texts = useSignal<Texts>(filled(list, given ?? last));
  const recalled = useSignal(Object.keys(last).length > 0);
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);
  const wrong = useSignal<ReadonlyMap<string, string>>(new Map());
  const status = useSignal("");
  // The form's key: whatever is clicked or repeated, the same values start one run.
  const key = useSignal(freshKey());
  const sent = useSignal("");

  useEffect(() => {
    // Back from the run's page with everything as it was: what is started now is another run.
    const shown = (event: PageTransitionEvent) => {
      if (!event.persisted) return;
      busy.value = false;
      key.value = freshKey();
    };
    window.addEventListener("pageshow", shown);
    return () => window.removeEventListener("pageshow", shown);
  }, []);

  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    if (busy.value) return;
    const form = event.currentTarget;
    const { kwargs, faults } = read(form, list, texts.value);
    wrong.value = faults;
    problem.value = null;
    if (faults.size === 0) await send(kwargs);
    const first = list.find(({ name }) => wrong.value.has(name));
    if (first) requestAnimationFrame(() => document.getElementById(inputId(first.name))?.focus());
  }

  async function send(kwargs: Record<string, unknown>): Promise<void> {
    busy.value = true;
    const body = JSON.stringify(kwargs);
    if (sent.value && sent.value !== body) key.value = freshKey();
    sent.value = body;
    try {
      const run = await start(task.name, kwargs, key.value);
      rememberTexts(task.name, list, texts.value);
      goTo(run.id);
    } catch (error) {
      busy.value = false;
      problem.value = error as Error;
      if (!(error instanceof Problem)) return;
      // Refused: nothing was started. Unknown (0) or not now (503): it may be repeated.
      if (error.status !== 0 && error.status !== 503) key.value = freshKey();
      const { byField, other } = placed(error.errors, list);
      wrong.value = byField;
      // What stands at the fields is not said twice.
      if (error.status === 422 && byField.size > 0 && other.length === 0) problem.value = null;
    }
  }

  async function copyLink(): Promise<void> {
    const hash = prefillHash(task.name, list, texts.value);
    const address = `${location.origin}${here("/")}${hash}`;
    if (address.length > MAX_LINK_CHARS) status.value = "These values are too long for a link.";
    else
      status.value = (await copyText(address))
        ? "Link copied."
        : `Copying failed. The link is ${address}`;
  }

  const wrongFields = list.filter(({ name }) => wrong.value.has(name));
  return (
    <form noValidate onSubmit={(event) => void submit(event)}>
      {given && <p class="note">Filled in for you. Nothing starts until you press the button.</p>}
      {recalled.value && (
        <p class="note">
          These are the values that you used last time.{" "}
          <button
            type="button"
            class="quiet"
            onClick={() => {
              forgetTexts(task.name);
              texts.value = filled(list, {});
              recalled.value = false;
            }}
          >
            Use the defaults
          </button>
        </p>
      )}
      {list.map((field) => (
        <FieldRow
          key={field.name}
          field={field}
          text={textIn(texts.value, field.name) ?? null}
          message={wrong.value.get(field.name)}
          change={(text) => {
            texts.value = { ...texts.value, [field.name]: text };
          }}
        />
      ))}
      {list.length === 0 && <p class="note">This task takes no parameters.</p>}
      {list.some(({ kind }) => kind === "secret") && !task.sealed && (
        <p class="note">
          Secrets are sent to the worker without encryption: whoever can read the broker can read
          them until the worker takes them. <code>RUNTAIL_SEAL_KEYS</code> encrypts them.
        </p>
      )}
      {problem.value && <ProblemNote problem={problem.value} />}
      {wrongFields.length > 0 && <Summary fields={wrongFields} />}
      <div class="tools">
        <button type="submit" class="primary" disabled={busy.value}>
          <Icon name="running" />
          <span class="what">{busy.value ? "Starting…" : `Start ${sanitize(task.name)}`}</span>
        </button>
        <button type="button" class="quiet" onClick={() => void copyLink()}>
          Link to this form
        </button>
        <span class="hint" role="status">
          {status.value}
        </span>
      </div>
    </form>
  );
}

function Summary({ fields }: { fields: readonly Field[] }) {
  return (
    <p class="summary">
      Please correct:{" "}
      {fields.map(({ name }, at) => (
        <span key={name}>
          {at > 0 && ", "}
          <a
            href={`#${inputId(name)}`}
            onClick={(event) => {
              event.preventDefault();
              document.getElementById(inputId(name))?.focus();
            }}
          >
            {sanitize(name)}
          </a>
        </span>
      ))}
    </p>
  );
}

function read(form: HTMLFormElement, list: readonly Field[], texts: Texts) {
  const values: [name: string, value: unknown][] = [];
  const faults = new Map<string, string>();
  for (const field of list) {
    const text = textIn(texts, field.name) ?? null;
    const input = form.elements.namedItem(field.name);
    try {
      // Half a date is none, and would be left out in silence.
      if (input instanceof HTMLInputElement && input.validity.badInput) {
        throw new Error("is not complete");
      }
      const fault = faultOf(field, text);
      if (fault) throw new Error(fault);
      const value = fieldValue(field, text);
      if (value !== undefined) values.push([field.name, value]);
    } catch (error) {
      faults.set(field.name, (error as Error).message);
    }
  }
  return { kwargs: Object.fromEntries(values), faults };
}

// The form of one task: values in, a run out.

import { useSignal } from "@preact/signals";
import type { TargetedSubmitEvent } from "preact";
import { useEffect } from "preact/hooks";
import { goTo, hasLogin, here } from "../address";
import { type About, freshKey, Problem, start, type Task } from "../api";
import { copyText } from "../clipboard";
import { Icon } from "../design/icon";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { type Field, fields, type Texts, textIn } from "../schema";
import { cliCommand, curlCommand } from "./commands";
import { CopyMenu, type Way } from "./copymenu";
import { placed } from "./errors";
import { Faults } from "./faults";
import { FieldRow, inputId } from "./fields";
import { LABELS, NOTHING, readNamed, TITLE, type Written } from "./named";
import { NamingFields } from "./naming";
import { filled, MAX_LINK_CHARS, prefillHash } from "./prefill";
import { PresetChoice } from "./presetchoice";
import { besides, presetTexts, switched, type Values } from "./presets";
import { read } from "./reading";
import { forgetTexts, lastTexts, rememberTexts } from "./remembered";
import { faultOf } from "./rules";

/** Where the command line looks by itself. */
const CLI_DEFAULT = "http://127.0.0.1:8000";

/** What comes from a link or another run. */
export interface Given {
  readonly texts: Texts;
  readonly written: Written;
}

/** `given` goes before the values of last time. */
export function TaskForm({ task, given }: { task: Task; given: Given | null }) {
  const list = fields(task.schema);
  const last = given ? {} : lastTexts(task.name);
  const texts = useSignal<Texts>(filled(list, given?.texts ?? last));
  const written = useSignal(given?.written ?? NOTHING);
  const preset = useSignal("");
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
    const { kwargs, about, faults } = all(form, list);
    wrong.value = faults;
    problem.value = null;
    if (faults.size === 0) await send(kwargs, about);
    focusOnFault();
  }

  /** Say what is wrong with what was just written. What is still empty may be filled in later. */
  function judge(field: Field): void {
    const text = textIn(texts.value, field.name) ?? null;
    const fault = text === "" ? null : faultOf(field, text);
    const now = new Map(wrong.value);
    if (fault === null) now.delete(field.name);
    else now.set(field.name, fault);
    wrong.value = now;
  }

  /** What the form says of these fields. */
  function all(form: HTMLFormElement, wanted: readonly Field[]) {
    const { kwargs, faults } = read(form, wanted, texts.value);
    const { about, faults: more } = readNamed(written.value, task.labels ?? {});
    return {
      kwargs: { ...besides(list, valuesOf(preset.value)), ...kwargs },
      about,
      faults: new Map([...faults, ...more]),
    };
  }

  function valuesOf(name: string): Values {
    const presets = task.presets ?? {};
    return Object.hasOwn(presets, name) ? (presets[name] ?? {}) : {};
  }

  function focusOnFault(): void {
    const first = names.find((name) => wrong.value.has(name));
    if (first === undefined) return;
    requestAnimationFrame(() => document.getElementById(inputId(first))?.focus());
  }

  async function send(kwargs: Record<string, unknown>, about: About): Promise<void> {
    busy.value = true;
    const body = JSON.stringify([kwargs, about]);
    if (sent.value && sent.value !== body) key.value = freshKey();
    sent.value = body;
    try {
      const run = await start(task.name, kwargs, key.value, about);
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

  async function copy(form: HTMLFormElement, way: Way): Promise<void> {
    const text = way === "link" ? link() : command(form, way);
    if (text === null) return;
    if (way === "link" && text.length > MAX_LINK_CHARS) {
      status.value = "These values are too long for a link.";
      return;
    }
    const said = {
      link: "Link copied.",
      curl: "Copied for curl.",
      command: "Copied for the command line.",
    }[way];
    const secrets = way !== "link" && wantedSecrets().length > 0 ? " Put the secrets in." : "";
    status.value = (await copyText(text)) ? said + secrets : `Copying failed. This is it: ${text}`;
  }

  function link(): string {
    const hash = prefillHash(task.name, list, texts.value, written.value);
    return `${location.origin}${here("/")}${hash}`;
  }

  /** Those that a start takes, or that were written. */
  function wantedSecrets(): string[] {
    const secrets = list.filter(({ kind }) => kind === "secret");
    return secrets
      .filter(({ name, required }) => required || textIn(texts.value, name))
      .map(({ name }) => name);
  }

  /** Null if something must be mended first. */
  function command(form: HTMLFormElement, way: Way): string | null {
    const { kwargs, about, faults } = all(
      form,
      list.filter(({ kind }) => kind !== "secret"),
    );
    wrong.value = faults;
    focusOnFault();
    if (faults.size > 0) return null;
    const wanted = { task: task.name, kwargs, secrets: wantedSecrets(), ...about };
    const web = `${location.origin}${here("")}`;
    return way === "curl"
      ? curlCommand(wanted, `${web}/api/v1`, hasLogin())
      : cliCommand(wanted, task.schema, web === CLI_DEFAULT ? "" : web);
  }

  const names = [...list.map(({ name }) => name), TITLE, LABELS];
  const wrongNames = names.filter((name) => wrong.value.has(name));
  const fromPreset = presetTexts(list, valuesOf(preset.value));
  return (
    <form noValidate onSubmit={(event) => void submit(event)}>
      <div>
        {given && <p class="note">Filled in for you. Nothing starts until you press the button.</p>}
        {recalled.value && (
          <p class="note">
            These are the values that you used last time.{" "}
            <button
              type="button"
              class="quiet"
              onClick={() => {
                forgetTexts(task.name);
                texts.value = filled(list, presetTexts(list, valuesOf(preset.value)));
                recalled.value = false;
              }}
            >
              Use the defaults
            </button>
          </p>
        )}
        <PresetChoice
          presets={task.presets ?? {}}
          chosen={preset.value}
          choose={(name) => {
            texts.value = switched(list, texts.value, valuesOf(preset.value), valuesOf(name));
            preset.value = name;
          }}
        />
        {list.map((field) => (
          <FieldRow
            key={field.name}
            field={field}
            from={
              Object.hasOwn(fromPreset, field.name) &&
              fromPreset[field.name] === textIn(texts.value, field.name)
                ? preset.value
                : ""
            }
            text={textIn(texts.value, field.name) ?? null}
            message={wrong.value.get(field.name)}
            change={(text) => {
              texts.value = { ...texts.value, [field.name]: text };
            }}
            changed={() => judge(field)}
          />
        ))}
        {list.length === 0 && <p class="note">This task takes no parameters.</p>}
        {list.some(({ kind }) => kind === "secret") && !task.sealed && (
          <p class="note">
            Secrets are sent to the worker without encryption: whoever can read the broker can read
            them until the worker takes them. <code>RUNTAIL_SEAL_KEYS</code> encrypts them.
          </p>
        )}
        <NamingFields
          written={written.value}
          change={(now) => {
            written.value = now;
          }}
          wrong={wrong.value}
          title={task.title ?? ""}
          labels={task.labels ?? {}}
        />
        {problem.value && <ProblemNote problem={problem.value} />}
        {wrongNames.length > 0 && <Faults names={wrongNames} />}
      </div>
      <div class="tools">
        <button type="submit" class="primary" disabled={busy.value}>
          <Icon name="running" />
          <span class="what">{busy.value ? "Starting…" : `Start ${sanitize(task.name)}`}</span>
        </button>
        <span class="hint" role="status">
          {status.value}
        </span>
        <CopyMenu copy={(form, way) => void copy(form, way)} />
      </div>
    </form>
  );
}

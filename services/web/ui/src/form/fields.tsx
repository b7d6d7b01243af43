// One field of the start form: its label, its input, its help, what is wrong with it.

import { Icon } from "../design/icon";
import { Select } from "../design/select";
import { sanitize } from "../sanitize";
import { type Field, numberOf, takesJson } from "../schema";
import { boundWords, stepped } from "./rules";

interface Props {
  readonly field: Field;
  readonly text: string | null;
  readonly message: string | undefined;
  /** The preset that its value is from; empty: none. */
  readonly from: string;
  readonly change: (text: string | null) => void;
  /** Its text is another one than when the reader came to it. */
  readonly changed: () => void;
}

export function inputId(name: string): string {
  return `field-${name}`;
}

export function FieldRow(props: Props) {
  const { field, text, message, from, change, changed } = props;
  const id = inputId(field.name);
  const group = field.kind === "checks";
  const label = (
    <>
      {sanitize(field.title || field.name)}
      {field.title && field.title !== field.name && <code> {sanitize(field.name)}</code>}
      {field.required && (
        <span class="must" title="required">
          {" "}
          *
        </span>
      )}
    </>
  );
  return (
    <div class={message ? "field wrong" : "field"} onChange={changed}>
      {group ? (
        <span id={`${id}-label`} class="label-of">
          {label}
        </span>
      ) : (
        <label for={id}>{label}</label>
      )}
      <div class="value">
        <Input {...props} />
        {field.nullable && field.kind !== "choice" && (
          <label class="null">
            <input
              type="checkbox"
              checked={text === null}
              onChange={(event) => change(event.currentTarget.checked ? null : "")}
            />{" "}
            none<span class="unseen"> for {sanitize(field.name)}</span>
          </label>
        )}
      </div>
      <div class="about-field">
        {message && (
          <strong class="fault" id={`${id}-fault`}>
            <Icon name="error" /> {sanitize(message)}
          </strong>
        )}
        <small id={`${id}-help`}>
          {from && (
            <span class="from">
              <Icon name="preset" /> From the preset {sanitize(from)}.{" "}
            </span>
          )}
          {helpOf(field)}
        </small>
      </div>
    </div>
  );
}

function helpOf(field: Field): string {
  const json = field.kind === "json" || (field.kind === "secret" && takesJson(field.schema));
  const one = field.kind === "list" ? "One per line." : json ? "JSON." : "";
  const bounds = sanitize(boundWords(field.schema));
  const secret = field.kind === "secret" ? "A secret: it is not remembered." : "";
  return [sanitize(field.help), one, bounds && `(${bounds})`, secret].filter(Boolean).join(" ");
}

function Input({ field, text, message, change, changed }: Props) {
  const id = inputId(field.name);
  const common: Record<string, unknown> = {
    id,
    name: field.name,
    "aria-describedby": message ? `${id}-fault ${id}-help` : `${id}-help`,
    "aria-invalid": message !== undefined,
    required: field.required,
  };
  const value = text ?? "";
  switch (field.kind) {
    case "boolean":
      return (
        <input
          type="checkbox"
          checked={text === "true"}
          onChange={(event) => change(String(event.currentTarget.checked))}
          {...common}
        />
      );
    case "choice":
      return <Choice field={field} text={text} change={change} common={common} />;
    case "checks":
      return <Checks field={field} text={value} change={change} common={common} />;
    case "long":
    case "list":
    case "json":
      return (
        <textarea
          rows={Math.min(8, Math.max(field.kind === "json" ? 2 : 3, value.split("\n").length))}
          class={field.kind === "long" ? "" : "code"}
          spellcheck={false}
          value={value}
          onInput={(event) => change(event.currentTarget.value)}
          {...common}
        />
      );
    case "integer":
    case "number":
      return <NumberInput {...{ field, text: value, change, changed, common }} />;
    default:
      return (
        <input
          {...typeOf(field.kind)}
          autoComplete={field.kind === "secret" ? "new-password" : "off"}
          spellcheck={false}
          {...(field.kind === "time" ? { step: 1 } : {})}
          value={value}
          onInput={(event) => change(event.currentTarget.value)}
          {...common}
        />
      );
  }
}

const TYPES = { date: "date", time: "datetime-local", uri: "url", secret: "password" } as const;

function typeOf(kind: Field["kind"]): Record<string, unknown> {
  return { type: kind in TYPES ? TYPES[kind as keyof typeof TYPES] : "text" };
}

type Inner = Pick<Props, "field" | "text" | "change" | "changed"> & {
  readonly common: Record<string, unknown>;
};

/**
 * A number is text to the browser: its own field would show nothing where a word was written, and the wheel would change
 * it. Arrow keys make it larger and smaller, as there.
 */
function NumberInput({ field, text, change, changed, common }: Inner) {
  const value = numberOf(text ?? "");
  const { minimum, maximum } = field.schema;
  return (
    <input
      type="text"
      role="spinbutton"
      inputMode={field.kind === "integer" && (minimum ?? -1) >= 0 ? "numeric" : "decimal"}
      aria-valuemin={minimum}
      aria-valuemax={maximum}
      aria-valuenow={typeof value === "number" ? value : undefined}
      autoComplete="off"
      spellcheck={false}
      value={text ?? ""}
      onInput={(event) => change(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
        event.preventDefault();
        const next = stepped(field, text ?? "", event.key === "ArrowUp" ? 1 : -1);
        if (next === null) return;
        change(next);
        changed();
      }}
      {...common}
    />
  );
}

const NONE = "\u0000none";

function Choice({ field, text, change, common }: Omit<Inner, "changed">) {
  return (
    <Select
      value={text ?? NONE}
      onChange={(event) => {
        const chosen = event.currentTarget.value;
        change(chosen === NONE ? null : chosen);
      }}
      {...common}
    >
      {(text === "" || field.initial === "") && (
        <option value="">{field.required ? "choose…" : "as the task decides"}</option>
      )}
      {field.nullable && <option value={NONE}>none</option>}
      {field.choices.map((choice) => (
        <option key={choice} value={choice}>
          {sanitize(choice)}
        </option>
      ))}
    </Select>
  );
}

function Checks({ field, text, change, common }: Omit<Inner, "changed">) {
  const chosen = new Set((text ?? "").split("\n").filter(Boolean));
  const { id, name, required: _, ...described } = common;
  return (
    <fieldset class="checks" aria-labelledby={`${String(id)}-label`} {...described}>
      {field.choices.map((choice, at) => (
        <label key={choice}>
          <input
            type="checkbox"
            id={at === 0 ? String(id) : `${String(id)}-${at}`}
            name={String(name)}
            checked={chosen.has(choice)}
            onChange={(event) => {
              if (event.currentTarget.checked) chosen.add(choice);
              else chosen.delete(choice);
              change(field.choices.filter((one) => chosen.has(one)).join("\n"));
            }}
          />{" "}
          {sanitize(choice)}
        </label>
      ))}
    </fieldset>
  );
}

// What people can say about a run before it starts: its title and its labels.

import { Icon } from "../design/icon";
import { Summary } from "../design/summary";
import { sanitize } from "../sanitize";
import { inputId } from "./fields";
import { LABELS, TITLE, type Written } from "./named";

interface Props {
  readonly written: Written;
  readonly change: (written: Written) => void;
  readonly wrong: ReadonlyMap<string, string>;
  /** What the task declares itself. */
  readonly title: string;
  readonly labels: Readonly<Record<string, string>>;
}

export function NamingFields({ written, change, wrong, title, labels }: Props) {
  const own = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const used = written.title !== "" || written.labels !== "";
  return (
    <details class="naming" open={used || wrong.has(TITLE) || wrong.has(LABELS)}>
      <Summary>Title and labels</Summary>
      <div class={wrong.has(TITLE) ? "field wrong" : "field"}>
        <label for={inputId(TITLE)}>Title</label>
        <div class="value">
          <input
            {...common(TITLE, wrong)}
            type="text"
            autoComplete="off"
            placeholder={sanitize(title)}
            value={written.title}
            onInput={(event) => change({ ...written, title: event.currentTarget.value })}
          />
        </div>
        <About name={TITLE} wrong={wrong}>
          A line for people, which the list shows.
          {title !== "" && " Empty: the one of the task."}
        </About>
      </div>
      <div class={wrong.has(LABELS) ? "field wrong" : "field"}>
        <label for={inputId(LABELS)}>Labels</label>
        <div class="value">
          <textarea
            {...common(LABELS, wrong)}
            class="code"
            rows={Math.min(8, Math.max(2, written.labels.split("\n").length))}
            spellcheck={false}
            value={written.labels}
            onInput={(event) => change({ ...written, labels: event.currentTarget.value })}
          />
        </div>
        <About name={LABELS} wrong={wrong}>
          To find the run by, one per line, such as branch=main.
          {own.length > 0 && ` The task sets ${sanitize(own.join(", "))}.`}
        </About>
      </div>
    </details>
  );
}

function common(name: string, wrong: ReadonlyMap<string, string>) {
  const id = inputId(name);
  return {
    id,
    "aria-describedby": wrong.has(name) ? `${id}-fault ${id}-help` : `${id}-help`,
    "aria-invalid": wrong.has(name),
  };
}

interface AboutProps {
  readonly name: string;
  readonly wrong: ReadonlyMap<string, string>;
  readonly children: preact.ComponentChildren;
}

function About({ name, wrong, children }: AboutProps) {
  const fault = wrong.get(name);
  return (
    <div class="about-field">
      {fault !== undefined && (
        <strong class="fault" id={`${inputId(name)}-fault`}>
          <Icon name="error" /> {sanitize(fault)}
        </strong>
      )}
      <small id={`${inputId(name)}-help`}>{children}</small>
    </div>
  );
}

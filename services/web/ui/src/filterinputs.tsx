// The inputs of the filters above a list: a name with suggestions, and a time.

import { useSignal } from "@preact/signals";
import { type Bounds, boundsWords, isSpan, SPANS } from "./bounds";
import { Select } from "./design/select";

interface NamedProps {
  readonly id: string;
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly known: readonly string[];
  readonly change: (value: string) => void;
}

/** Text with suggestions: it holds when it is entered, chosen or emptied, not at every letter. */
export function Named({ id, label, placeholder, value, known, change }: NamedProps) {
  // What is being typed stays when the list below is drawn anew.
  const typed = useSignal<string | null>(null);
  const enter = (text: string) => {
    typed.value = null;
    change(text);
  };
  return (
    <>
      <input
        id={id}
        type="search"
        aria-label={label}
        placeholder={placeholder}
        list={`${id}-known`}
        autoComplete="off"
        spellcheck={false}
        value={typed.value ?? value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          const text = typed.value.trim();
          if (text === "" || known.includes(text)) enter(text);
        }}
        onChange={(event) => enter(event.currentTarget.value.trim())}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      <datalist id={`${id}-known`}>
        {known.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}

const BETWEEN = "between";
/** Bounds that are not offered, and have words. */
const HELD = "held";

interface TimesProps {
  readonly bounds: Bounds;
  readonly change: (bounds: Bounds) => void;
}

export function Times({ bounds: { since, until }, change }: TimesProps) {
  const words = boundsWords({ since, until });
  // The inputs take no span.
  const span = isSpan(since);
  const asked = useSignal(false);
  const between = !span && (asked.value || (words === "" && `${since}${until}` !== ""));
  const offered = words === "" || SPANS.some(([one]) => one === since);
  return (
    <>
      <Select
        aria-label="Filter by time"
        value={between ? BETWEEN : offered ? since : HELD}
        onChange={(event) => {
          const wanted = event.currentTarget.value;
          asked.value = wanted === BETWEEN;
          if (wanted !== BETWEEN) change({ since: wanted, until: "" });
          else if (span) change({ since: "", until });
        }}
      >
        <option value="">Any time</option>
        {SPANS.map(([span, words]) => (
          <option key={span} value={span}>
            {words}
          </option>
        ))}
        {!offered && !between && <option value={HELD}>{words}</option>}
        <option value={BETWEEN}>Between…</option>
      </Select>
      {between && (
        <span class="between">
          <input
            type="datetime-local"
            aria-label="From"
            value={since.includes("T") ? since : ""}
            onChange={(event) => change({ since: event.currentTarget.value, until })}
          />
          {" to "}
          <input
            type="datetime-local"
            aria-label="To"
            value={until.includes("T") ? until : ""}
            onChange={(event) => change({ since, until: event.currentTarget.value })}
          />
        </span>
      )}
    </>
  );
}

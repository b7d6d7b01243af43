// The filters above the list.

import { useSignal } from "@preact/signals";
import { type Filters, isFiltered, NO_FILTERS, SPANS, STATES } from "./filters";

interface Props {
  readonly filters: Filters;
  readonly tasks: readonly string[];
  readonly people: readonly string[];
  readonly change: (filters: Filters) => void;
}

export function FilterBar({ filters, tasks, people, change }: Props) {
  const open = useSignal(false);
  const active = Object.values(filters).filter(Boolean).length;
  return (
    <search class={open.value ? "filters open" : "filters"} aria-label="Filter the runs">
      <button
        type="button"
        class="unfold"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        Filters{active > 0 && ` (${active})`}
      </button>
      <select
        aria-label="Filter by state"
        value={filters.state}
        onChange={(event) =>
          change({ ...filters, state: event.currentTarget.value as Filters["state"] })
        }
      >
        <option value="">any state</option>
        {STATES.map((state) => (
          <option key={state} value={state}>
            {state}
          </option>
        ))}
      </select>
      <Named
        id="filter-task"
        label="Filter by task"
        placeholder="any task  ( / )"
        value={filters.task}
        known={tasks}
        change={(task) => change({ ...filters, task })}
      />
      <Named
        id="filter-who"
        label="Filter by who started it"
        placeholder="anybody"
        value={filters.who}
        known={people}
        change={(who) => change({ ...filters, who })}
      />
      <Times filters={filters} change={change} />
      {isFiltered(filters) && (
        <button type="button" class="quiet" onClick={() => change(NO_FILTERS)}>
          Clear filters
        </button>
      )}
    </search>
  );
}

interface NamedProps {
  readonly id: string;
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly known: readonly string[];
  readonly change: (value: string) => void;
}

/** Text with suggestions: it holds when it is entered, chosen or emptied, not at every letter. */
function Named({ id, label, placeholder, value, known, change }: NamedProps) {
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

function Times({ filters, change }: Pick<Props, "filters" | "change">) {
  const { since, until } = filters;
  const offered = until === "" && SPANS.some(([span]) => span === since);
  const between = useSignal(!offered && (since !== "" || until !== ""));
  const chosen = between.value ? BETWEEN : since;
  return (
    <>
      <select
        aria-label="Filter by time"
        value={chosen}
        onChange={(event) => {
          const wanted = event.currentTarget.value;
          between.value = wanted === BETWEEN;
          if (wanted !== BETWEEN) change({ ...filters, since: wanted, until: "" });
        }}
      >
        <option value="">any time</option>
        {SPANS.map(([span, words]) => (
          <option key={span} value={span}>
            {words}
          </option>
        ))}
        <option value={BETWEEN}>between…</option>
      </select>
      {between.value && (
        <span class="between">
          <input
            type="datetime-local"
            aria-label="From"
            value={since.includes("T") ? since : ""}
            onChange={(event) => change({ ...filters, since: event.currentTarget.value })}
          />
          {" to "}
          <input
            type="datetime-local"
            aria-label="To"
            value={until.includes("T") ? until : ""}
            onChange={(event) => change({ ...filters, until: event.currentTarget.value })}
          />
        </span>
      )}
    </>
  );
}

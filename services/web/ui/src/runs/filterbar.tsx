// The filters above the list: the state, one box for everything that has a name, the time.

import { useEffect, useMemo } from "preact/hooks";
import { Combobox } from "../combobox";
import { Icon } from "../design/icon";
import { Times } from "../filterinputs";
import { type Filters, isFiltered, NO_FILTERS, STATES } from "../filters";
import { withCommas } from "../numbers";
import { sanitize } from "../sanitize";
import { IdSearch } from "./idsearch";
import { type Known, suggestions, taken } from "./suggestions";

interface Props {
  readonly filters: Filters;
  readonly known: Known;
  /** By state, "" for all; null if they are not known. */
  readonly counts: Readonly<Record<string, number>> | null;
  readonly change: (filters: Filters) => void;
  readonly openRun: (id: string) => void;
}

/** As the reader looks for them: what is going on, what went wrong, the rest. */
const SEGMENTS: readonly Filters["state"][] = [
  "",
  "running",
  "queued",
  "failed",
  "succeeded",
  ...STATES.filter((state) => state === "cancelled" || state === "lost"),
];

export function FilterBar({ filters, known, counts, change, openRun }: Props) {
  const search = useMemo(() => new IdSearch(), []);
  useEffect(() => () => search.stop(), []);
  return (
    <search class="sieve" aria-label="Filter the runs">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is not drawn as one line */}
      <div class="segments" role="group" aria-label="Filter by state">
        {SEGMENTS.map((state) => (
          <button
            key={state}
            type="button"
            aria-pressed={filters.state === state}
            onClick={() => change({ ...filters, state })}
          >
            {state === "" ? "All" : state.charAt(0).toUpperCase() + state.slice(1)}
            {counts && <span class="count"> {withCommas(counts[state] ?? 0)}</span>}
          </button>
        ))}
      </div>
      <div class="box">
        {(["task", "who", "label", "root"] as const).map(
          (name) =>
            filters[name] && (
              <button
                key={name}
                type="button"
                class="pick"
                aria-label={`Remove the filter: ${WORDS[name]} ${sanitize(filters[name])}`}
                onClick={() => change({ ...filters, [name]: "" })}
              >
                {WORDS[name]} <em>{sanitize(filters[name])}</em>
                <Icon name="close" />
              </button>
            ),
        )}
        <Combobox
          id="filter"
          label="Filter by task, label, person, id or time"
          placeholder={
            filters.task || filters.who || filters.label
              ? ""
              : "Filter: task, label, person, id, time"
          }
          value=""
          find={(text) =>
            suggestions(text, { ...known, ids: [...known.ids, ...search.ids.value] }, new Date())
          }
          written={(text) => search.written(text)}
          choose={(choice) => {
            const wanted = taken(choice);
            if ("run" in wanted) openRun(wanted.run);
            else change({ ...filters, ...wanted });
          }}
          back={() => {
            const last = (["root", "label", "who", "task"] as const).find((name) => filters[name]);
            if (last) change({ ...filters, [last]: "" });
          }}
        />
      </div>
      <Times bounds={filters} change={(bounds) => change({ ...filters, ...bounds })} />
      {isFiltered(filters) && (
        <button type="button" class="quiet" onClick={() => change(NO_FILTERS)}>
          Clear filters
        </button>
      )}
    </search>
  );
}

const WORDS = { task: "task", who: "by", label: "label", root: "called by" } as const;

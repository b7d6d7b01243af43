// The filters above the audit log.

import { useSignal } from "@preact/signals";
import { Icon } from "../design/icon";
import { Named, Times } from "../filterinputs";
import { isFiltered } from "../filters";
import { EVENT_WORDS, type Filters, NO_FILTERS } from "./filters";

interface Props {
  readonly filters: Filters;
  readonly people: readonly string[];
  readonly change: (filters: Filters) => void;
}

export function FilterBar({ filters, people, change }: Props) {
  const open = useSignal(false);
  const active = Object.values(filters).filter(Boolean).length;
  return (
    <search class={open.value ? "filters open" : "filters"} aria-label="Filter the audit log">
      <button
        type="button"
        class="unfold"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        <Icon name="filter" />
        Filters{active > 0 && ` (${active})`}
      </button>
      <select
        aria-label="Filter by event"
        value={filters.event}
        onChange={(event) =>
          change({ ...filters, event: event.currentTarget.value as Filters["event"] })
        }
      >
        <option value="">any event</option>
        {Object.entries(EVENT_WORDS).map(([event, words]) => (
          <option key={event} value={event}>
            {words}
          </option>
        ))}
      </select>
      <Named
        id="filter-who"
        label="Filter by who did it"
        placeholder="anybody"
        value={filters.who}
        known={people}
        change={(who) => change({ ...filters, who })}
      />
      <Named
        id="filter-run"
        label="Filter by the id of a run"
        placeholder="any run"
        value={filters.run}
        known={[]}
        change={(run) => change({ ...filters, run })}
      />
      <Times bounds={filters} change={(bounds) => change({ ...filters, ...bounds })} />
      {isFiltered(filters) && (
        <button type="button" class="quiet" onClick={() => change(NO_FILTERS)}>
          Clear filters
        </button>
      )}
    </search>
  );
}

// The page with the audit log: who did what, and who was refused what.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { AUDIT, here } from "../address";
import { filtersSearch, isFiltered } from "../filters";
import { ProblemNote } from "../problem";
import { Skeleton } from "../skeleton";
import { ClockNote, Top } from "../top";
import { FilterBar } from "./filterbar";
import { NO_FILTERS, parseFilters } from "./filters";
import { Listing } from "./listing";
import { Table } from "./table";

/** A skeleton that is gone at once is only unrest. */
const PATIENCE_MS = 300;

export function AuditPage() {
  const filters = useSignal(parseFilters(location.search));
  const listing = useSignal(new Listing(filters.peek())).peek();
  const waited = useSignal(false);

  function filter(wanted: typeof filters.value): void {
    if (filtersSearch(wanted) === filtersSearch(filters.value)) return;
    filters.value = wanted;
    history.replaceState(null, "", `${here(AUDIT)}${filtersSearch(wanted)}`);
    void listing.refresh(wanted);
  }

  useEffect(() => {
    document.title = "Audit log · Runtail";
    void listing.refresh();
    const patience = setTimeout(() => {
      waited.value = true;
    }, PATIENCE_MS);
    return () => clearTimeout(patience);
  }, []);

  const rows = listing.rows.value;
  const failure = listing.problem.value;
  const filtered = isFiltered(filters.value);
  const people = [...new Set((rows ?? []).flatMap(({ who }) => (who ? [who] : [])))].sort();
  return (
    <>
      <Top place="Audit log">
        <button type="button" disabled={listing.busy.value} onClick={() => void listing.refresh()}>
          Refresh
        </button>
      </Top>
      <main class="list">
        <div class="head">
          <h1>Audit log</h1>
        </div>
        <FilterBar filters={filters.value} people={people} change={filter} />
        <div class={listing.busy.value ? "thin busy" : "thin"} aria-hidden="true" />
        {failure && <ProblemNote problem={failure} retry={() => void listing.refresh()} />}
        <ClockNote />
        {rows === null && waited.value && !failure && <Skeleton what="the audit log" />}
        {rows && rows.length > 0 && <Table rows={rows} />}
        {rows?.length === 0 && (
          <p class="note" role="status">
            {filtered && listing.next.value && "No entry matches so far. "}
            {filtered && !listing.next.value && "No entry matches. "}
            {!filtered && "No entries yet. "}
            {filtered && (
              <button type="button" class="quiet" onClick={() => filter(NO_FILTERS)}>
                Clear all filters
              </button>
            )}
          </p>
        )}
        {listing.next.value && (
          <button type="button" disabled={listing.busy.value} onClick={() => void listing.older()}>
            {rows?.length === 0 ? "Look further back" : "Older entries"}
          </button>
        )}
        <p class="hint">
          This is the store's copy. What the services write to their standard output is complete.
        </p>
      </main>
    </>
  );
}

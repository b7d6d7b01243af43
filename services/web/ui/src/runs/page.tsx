// The list page: what can be started, who would run it, and the runs, live.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Run, type Task, tasks, type Worker, workers } from "../api";
import { serverNow } from "../clock";
import { ConnectionChip } from "../connection";
import { StartButton, StartForm } from "../form/start";
import { PortForwardNote } from "../portforward";
import { ProblemNote } from "../problem";
import { VERSION } from "../protocol/entry";
import { sanitize } from "../sanitize";
import type { Tail } from "../socket";
import { ClockNote, Top } from "../top";
import { FilterBar } from "./filterbar";
import { filtersSearch, isFiltered, leftOut, NO_FILTERS, parseFilters } from "./filters";
import { Fleet, StartOne } from "./fleet";
import { helpOpen, type ListAction, ListHelp, useListKeys } from "./keys";
import { Listing } from "./listing";
import { Skeleton, Table } from "./table";

const REFETCH_MS = 10_000;
/** A skeleton that is gone at once is only unrest. */
const PATIENCE_MS = 300;

export function RunsPage({ tail }: { tail: Tail }) {
  const filters = useSignal(parseFilters(location.search));
  const wrong = useSignal(leftOut(location.search));
  const listing = useSignal(new Listing(filters.peek())).peek();
  const catalogue = useSignal<readonly Task[] | null>(null);
  const fleet = useSignal<readonly Worker[] | null>(null);
  const problem = useSignal<Error | null>(null);
  const now = useSignal(serverNow());
  const waited = useSignal(false);

  async function fetchAll(): Promise<void> {
    // The answer tells the server's time.
    const listed = listing.refresh().then(() => {
      now.value = serverNow();
    });
    try {
      const [published, alive] = await Promise.all([tasks(), workers()]);
      catalogue.value = published.tasks;
      fleet.value = alive.workers;
      problem.value = null;
    } catch (error) {
      problem.value = error as Error;
    }
    await listed;
  }

  function filter(wanted: typeof filters.value): void {
    if (filtersSearch(wanted) === filtersSearch(filters.value)) return;
    filters.value = wanted;
    wrong.value = "";
    history.replaceState(null, "", `/${filtersSearch(wanted)}${location.hash}`);
    void listing.filter(wanted);
  }

  useEffect(() => {
    document.title = "Runs · Runtail";
    void fetchAll();
    const patience = setTimeout(() => {
      waited.value = true;
    }, PATIENCE_MS);
    const refetch = setInterval(() => void fetchAll(), REFETCH_MS);
    const tick = setInterval(() => {
      now.value = serverNow();
    }, 1_000);
    const changed = (message: { run?: Run }) => {
      if (!message.run) return;
      listing.changed(message.run);
      // Why it waits is known to the API only: it looks at the workers.
      if (message.run.state === "queued") void fetchAll();
    };
    tail.socket.on("run", changed);
    return () => {
      clearTimeout(patience);
      clearInterval(refetch);
      clearInterval(tick);
      tail.socket.off("run", changed);
    };
  }, []);

  useSignalEffect(() => {
    if (tail.connection.value.state !== "connected") return;
    tail.socket.emit("subscribe", { v: VERSION, runs: true }, () => void fetchAll());
  });

  useListKeys((action: ListAction) => {
    if (action === "clear") filter(NO_FILTERS);
    if (action === "older") void listing.older();
    if (action === "start") openForm();
  });

  const rows = listing.rows.value;
  const failure = listing.problem.value ?? problem.value;
  const people = [...new Set((rows ?? []).flatMap(({ who }) => (who ? [who] : [])))].sort();
  return (
    <>
      <Top>
        <ConnectionChip tail={tail} />
        <button
          type="button"
          class="quiet"
          title="Keyboard shortcuts (?)"
          aria-label="Keyboard shortcuts"
          onClick={() => {
            helpOpen.value = true;
          }}
        >
          ?
        </button>
      </Top>
      <PortForwardNote tail={tail} />
      <main class="list">
        <h1 class="unseen">Runs</h1>
        {catalogue.value?.length === 0 && (
          <p class="note">
            No task is published. Is a worker running? <StartOne />
          </p>
        )}
        {catalogue.value && <StartButton tasks={catalogue.value} />}
        {catalogue.value && <StartForm tasks={catalogue.value} />}
        {catalogue.value && fleet.value && (
          <Fleet tasks={catalogue.value} workers={fleet.value} runs={rows ?? []} />
        )}
        <FilterBar
          filters={filters.value}
          tasks={(catalogue.value ?? []).map(({ name }) => name)}
          people={people}
          change={filter}
        />
        <div class={listing.busy.value ? "thin busy" : "thin"} aria-hidden="true" />
        {failure && <ProblemNote problem={failure} retry={() => void fetchAll()} />}
        {listing.partly.value && isFiltered(filters.value) && (
          <p class="note">This server cannot filter runs. Only those loaded so far are filtered.</p>
        )}
        {wrong.value && (
          <p class="note" role="status">
            Ignored an unknown filter: {sanitize(wrong.value)}
          </p>
        )}
        <ClockNote />
        {rows === null && waited.value && !failure && <Skeleton />}
        {rows && rows.length > 0 && <Table rows={rows} now={now.value} />}
        {rows?.length === 0 && !isFiltered(filters.value) && (
          <p class="note">
            No runs yet.{" "}
            {(catalogue.value?.length ?? 0) > 0 && (
              <button type="button" class="quiet" onClick={openForm}>
                Start one
              </button>
            )}
          </p>
        )}
        {rows?.length === 0 && isFiltered(filters.value) && (
          <p class="note">
            {listing.next.value ? "No run matches so far." : "No run matches."}{" "}
            <button type="button" class="quiet" onClick={() => filter(NO_FILTERS)}>
              Clear all filters
            </button>
          </p>
        )}
        {listing.next.value && (
          <button
            type="button"
            disabled={listing.extending.value}
            onClick={() => void listing.older()}
          >
            {rows?.length === 0 ? "Look further back" : "Older runs"}
          </button>
        )}
      </main>
      <ListHelp />
    </>
  );
}

function openForm(): void {
  const form = document.querySelector<HTMLDetailsElement>("details.form");
  if (!form) return;
  form.open = true;
  form.querySelector<HTMLElement>("select")?.focus();
}

// The list page: what can be started, who would run it, and the runs, live.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { goTo, here, MOST_WATCHED, watchAddress } from "../address";
import { type Run, type Task, tasks, type Worker, workers } from "../api";
import { serverNow } from "../clock";
import { ConnectionChip } from "../connection";
import { Icon } from "../design/icon";
import { SquareButton } from "../design/squarebutton";
import { filtersSearch, isFiltered, labelsOf, leftOut, NO_FILTERS, parseFilters } from "../filters";
import { StartButton, StartDrawer } from "../form/start";
import type { Place } from "../leftlist";
import { withCommas } from "../numbers";
import { PortForwardNote } from "../portforward";
import { ProblemNote } from "../problem";
import { VERSION } from "../protocol/entry";
import { sanitize } from "../sanitize";
import { Skeleton } from "../skeleton";
import type { Tail } from "../socket";
import { ClockNote, Top } from "../top";
import { lacks } from "../who";
import { CancelDialog } from "./cancel";
import { Counts, noFewer } from "./counts";
import { Examples, offersExamples } from "./examples";
import { FilterBar } from "./filterbar";
import { Fleet, StartOne } from "./fleet";
import { helpOpen, type ListAction, ListHelp, useListKeys } from "./keys";
import { LastLines } from "./lastlines";
import { Listing } from "./listing";
import { MarkBar } from "./markbar";
import { keepPlace, keptPlace, returnTo } from "./place";
import { prospectWords } from "./prospect";
import { counted, lacking } from "./queues";
import type { Known } from "./suggestions";
import { Table } from "./table";
import { Tools } from "./tools";
import { Welcome } from "./welcome";

const REFETCH_MS = 10_000;
/** A skeleton that is gone at once is only unrest. */
const PATIENCE_MS = 300;

export function RunsPage({ tail }: { tail: Tail }) {
  const filters = useSignal(parseFilters(location.search));
  const wrong = useSignal(leftOut(location.search));
  const listing = useSignal(new Listing(filters.peek())).peek();
  const counts = useSignal(new Counts(filters.peek())).peek();
  const lastLines = useSignal(new LastLines()).peek();
  const tools = useSignal(new Tools()).peek();
  const catalogue = useSignal<readonly Task[] | null>(null);
  const fleet = useSignal<readonly Worker[] | null>(null);
  const problem = useSignal<Error | null>(null);
  const now = useSignal(serverNow());
  const waited = useSignal(false);
  const place = useRef(useMemo(keptPlace, []));
  const starting = useSignal(false);

  async function fetchRuns(): Promise<void> {
    void counts.refresh();
    await listing.refresh();
    // The answer tells the server's time.
    now.value = serverNow();
  }

  async function fetchAll(): Promise<void> {
    const listed = fetchRuns();
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

  async function comeBack(place: Place): Promise<void> {
    let before = -1;
    for (;;) {
      const count = listing.rows.peek()?.length ?? 0;
      if (count >= place.rows || count === before || listing.next.peek() === null) break;
      before = count;
      await listing.older();
    }
    requestAnimationFrame(() => returnTo(place));
  }

  function filter(wanted: typeof filters.value): void {
    if (filtersSearch(wanted) === filtersSearch(filters.value)) return;
    filters.value = wanted;
    wrong.value = "";
    history.replaceState(null, "", `${here("/")}${filtersSearch(wanted)}${location.hash}`);
    void listing.filter(wanted);
    counts.filter(wanted);
  }

  function look(): void {
    if (!lacks("log:read")) void lastLines.look();
  }

  useEffect(() => {
    document.title = "Runs · Runtail";
    void fetchAll();
    const left = () => keepPlace(listing.rows.peek()?.length ?? 0);
    window.addEventListener("pagehide", left);
    const patience = setTimeout(() => {
      waited.value = true;
    }, PATIENCE_MS);
    const refetch = setInterval(() => void fetchAll(), REFETCH_MS);
    const tick = setInterval(() => {
      now.value = serverNow();
      look();
    }, 1_000);
    document.addEventListener("visibilitychange", look);
    const changed = (message: { run?: Run }) => {
      if (!message.run) return;
      // Whether or not the list shows it.
      tools.look([message.run]);
      listing.changed(message.run);
      counts.changed();
      // Why it waits is known to the API only: it looks at the workers.
      if (message.run.state === "queued") void fetchRuns();
    };
    tail.socket.on("run", changed);
    return () => {
      window.removeEventListener("pagehide", left);
      counts.stop();
      clearTimeout(patience);
      clearInterval(refetch);
      clearInterval(tick);
      document.removeEventListener("visibilitychange", look);
      tail.socket.off("run", changed);
    };
  }, []);

  useSignalEffect(() => {
    if (tail.connection.value.state !== "connected") return;
    tail.socket.emit("subscribe", { v: VERSION, runs: true }, () => {
      // What changed before; tasks and workers seldom do, and there may be thousands.
      void (problem.peek() ? fetchAll() : fetchRuns());
    });
  });

  // What was missed while nothing came from the relay.
  useSignalEffect(() => tools.look(listing.rows.value ?? []));

  // Once others are drawn.
  useEffect(look, [listing.rows.value]);

  // Once the first rows are there.
  useSignalEffect(() => {
    if (listing.rows.value === null || place.current === null) return;
    const wanted = place.current;
    place.current = null;
    void comeBack(wanted);
  });

  useListKeys((action: ListAction) => {
    if (action === "clear") filter(NO_FILTERS);
    if (action === "older") void listing.older();
    if (action === "start") openForm();
    if (action === "unmark") tools.marks.clear();
    if (action === "mark") {
      const id = document.activeElement?.closest<HTMLElement>(".runs tr")?.dataset["run"];
      if (id) tools.marks.toggle(id);
    }
  });

  function openForm(): void {
    starting.value = true;
  }

  // What stands above the rows comes with the tasks: rows that come before it would jump.
  const rows = catalogue.value || problem.value || waited.value ? listing.rows.value : null;
  const startable = lacks("run:start") ? [] : (catalogue.value ?? []);
  const all = rows !== null && listing.next.value === null && !isFiltered(filters.value);
  const nothing = all && rows.length === 0;
  const inStates = counts.byState.value;
  const answered = listing.answers.value === filters.value;
  const shownCounts = inStates && noFewer(inStates, answered ? (rows ?? []) : []);
  const failure = listing.problem.value ?? problem.value;
  const refused = tools.problem.value;
  // Not each second, when only the time has changed.
  const known = useMemo(
    () => knownFrom(rows ?? [], catalogue.value ?? []),
    [rows, catalogue.value],
  );
  // Before the first run nothing waits for a worker.
  const unwell =
    rows !== null &&
    !nothing &&
    catalogue.value !== null &&
    fleet.value !== null &&
    lacking(catalogue.value, fleet.value, rows ?? []);
  const fleetLine = catalogue.value && fleet.value && (
    <Fleet tasks={catalogue.value} workers={fleet.value} runs={rows ?? []} />
  );
  return (
    <>
      <Top>
        <ConnectionChip tail={tail} />
        <SquareButton
          icon="help"
          label="Keyboard shortcuts"
          title="Keyboard shortcuts (?)"
          press={() => {
            helpOpen.value = true;
          }}
        />
      </Top>
      <PortForwardNote tail={tail} />
      <main class="list">
        <div class="head">
          <h1>Runs</h1>
          <WatchRunning rows={rows ?? []} />
          <StartButton tasks={startable} />
          {startable.length > 0 && (
            <button type="button" class="primary" onClick={openForm}>
              <Icon name="add" />
              Start a run
            </button>
          )}
        </div>
        {catalogue.value?.length === 0 && !nothing && (
          <p class="note">
            No task is published. Is a worker running? <StartOne />
          </p>
        )}
        {unwell && fleetLine}
        {!nothing && (
          <FilterBar
            filters={filters.value}
            known={known}
            counts={shownCounts}
            change={filter}
            openRun={goTo}
          />
        )}
        <div class={listing.busy.value ? "thin busy" : "thin"} aria-hidden="true" />
        {failure && <ProblemNote problem={failure} retry={() => void fetchAll()} />}
        {refused && <ProblemNote problem={refused} />}
        {listing.partly.value && isFiltered(filters.value) && (
          <p class="note">This server cannot filter runs. Only those loaded so far are filtered.</p>
        )}
        {wrong.value && (
          <p class="note" role="status">
            Ignored an unknown filter: {sanitize(wrong.value)}
          </p>
        )}
        <ClockNote />
        {rows === null && waited.value && !failure && <Skeleton what="the runs" />}
        {rows && rows.length > 0 && (
          <Table rows={rows} now={now.value} lines={lastLines.lines.value} tools={tools} />
        )}
        {nothing && (
          <Welcome
            tasks={catalogue.value}
            workers={fleet.value}
            start={startable.length > 0 ? openForm : null}
          />
        )}
        {rows?.length === 0 && isFiltered(filters.value) && (
          <p class="note">
            {listing.next.value ? "No run matches so far." : "No run matches."}{" "}
            <button type="button" class="quiet" onClick={() => filter(NO_FILTERS)}>
              Clear all filters
            </button>
          </p>
        )}
        {all && rows.length > 0 && offersExamples(startable, rows) && <Examples />}
        {rows && (rows.length > 0 || !unwell) && (
          <div class="foot">
            <span>{rows.length > 0 && shownWords(rows.length, listing.next.value !== null)}</span>
            {listing.next.value && (
              <button
                type="button"
                disabled={listing.extending.value}
                onClick={() => void listing.older()}
              >
                {rows.length === 0 ? "Look further back" : "Older runs"}
              </button>
            )}
            {!unwell && fleetLine}
          </div>
        )}
        <MarkBar rows={rows ?? []} tools={tools} />
      </main>
      <CancelDialog tools={tools} now={now.value} changed={(run) => listing.changed(run)} />
      {startable.length > 0 && (
        <StartDrawer
          tasks={startable}
          open={starting}
          prospect={(task, near) => prospectWords(task, fleet.value, near ?? rows ?? [])}
        />
      )}
      <ListHelp />
    </>
  );
}

/** To the logs of those that are running, beside each other. */
function WatchRunning({ rows }: { rows: readonly Run[] }) {
  const running = rows.filter(({ state }) => state === "running");
  if (running.length < 2 || lacks("log:read")) return null;
  const some = running.length > MOST_WATCHED ? `${MOST_WATCHED} of ` : "";
  return (
    <a class="button quiet watch-running" href={watchAddress(running.map(({ id }) => id))}>
      <Icon name="watch" />
      Watch {some}
      {withCommas(running.length)} running
    </a>
  );
}

/** What the filter box can suggest. */
function knownFrom(rows: readonly Run[], published: readonly Task[]): Known {
  const distinct = (all: readonly string[]) => [...new Set(all)].sort();
  return {
    tasks: distinct([...published.map(({ name }) => name), ...rows.map(({ task }) => task)]),
    people: distinct(rows.flatMap(({ who }) => (who ? [who] : []))),
    labels: distinct(rows.flatMap(labelsOf)),
    ids: rows.map(({ id }) => id),
  };
}

function shownWords(count: number, more: boolean): string {
  return more ? `The newest ${withCommas(count)} runs` : counted(count, "run");
}

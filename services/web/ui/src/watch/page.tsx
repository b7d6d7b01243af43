// Several runs at once, each with its whole log: those that were chosen, or those that match.

import { useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { here, MOST_WATCHED } from "../address";
import type { Run } from "../api";
import { ConnectionChip } from "../connection";
import { Icon } from "../design/icon";
import type { IconName } from "../design/icons";
import { PortForwardNote } from "../portforward";
import { ProblemNote } from "../problem";
import { VERSION } from "../protocol/entry";
import { sanitize } from "../sanitize";
import { settings } from "../settings";
import { stands, type Tail } from "../socket";
import { Top } from "../top";
import { Pane } from "./pane";
import { stateWords } from "./wanted";
import { LAYOUTS, type Layout, Watched } from "./watched";

const REFETCH_MS = 10_000;
const LOOKS: Record<Layout, readonly [icon: IconName, words: string]> = {
  beside: ["columns", "Side by side"],
  stacked: ["rows", "Stacked"],
};

export function WatchPage({ tail }: { tail: Tail }) {
  const watched = useMemo(() => new Watched(location.search), []);
  const shown = watched.shown.value;

  useEffect(() => {
    const looked = ({ target }: Event) => {
      const pane = (target as Element | null)?.closest?.<HTMLElement>(".pane");
      if (pane?.dataset["run"]) watched.active.value = pane.dataset["run"];
    };
    const pressed = (event: KeyboardEvent) => goToPane(watched, event);
    document.addEventListener("focusin", looked);
    document.addEventListener("pointerdown", looked);
    document.addEventListener("keydown", pressed);
    return () => {
      document.removeEventListener("focusin", looked);
      document.removeEventListener("pointerdown", looked);
      document.removeEventListener("keydown", pressed);
    };
  }, []);

  useEffect(() => {
    if (!watched.filtered) return;
    void watched.refresh();
    const refetch = setInterval(() => void watched.refresh(), REFETCH_MS);
    const changed = ({ run }: { run?: Run }) => {
      if (run) watched.changed(run);
    };
    tail.socket.on("run", changed);
    return () => {
      clearInterval(refetch);
      tail.socket.off("run", changed);
    };
  }, []);

  useSignalEffect(() => {
    if (!watched.filtered || tail.connection.value.state !== "connected") return;
    tail.socket.emit("subscribe", { v: VERSION, runs: true }, () => void watched.refresh());
  });

  useSignalEffect(() => {
    const words = stateWords([...watched.states.value.values()]);
    document.title = `${words || "Watch"} · Runtail`;
  });

  const count = shown.length === 1 ? "1 run" : `${shown.length} runs`;
  const words = watched.filterWords;
  return (
    <main class="page watch">
      <Top place={words ? `${count} · ${words}` : count}>
        <Layouts watched={watched} />
        <ConnectionChip tail={tail} {...(stands(tail.connection.value) ? { words: "Live" } : {})} />
      </Top>
      <PortForwardNote tail={tail} />
      <h1 class="unseen">Watch runs</h1>
      <Notes watched={watched} />
      <div class={`panes ${watched.layout.value}`} data-count={shown.length}>
        {shown.map((run) => (
          <Pane key={run} tail={tail} runId={run} watched={watched} />
        ))}
      </div>
    </main>
  );
}

/** Digits lead to the panes, where keys of one letter are on. */
function goToPane(watched: Watched, event: KeyboardEvent): void {
  const { key, ctrlKey, metaKey, altKey, defaultPrevented, target } = event;
  if (defaultPrevented || ctrlKey || metaKey || altKey || settings.single === false) return;
  if ((target as Element).closest("input, select, textarea, dialog")) return;
  const run = /^[1-9]$/.test(key) ? watched.shown.peek()[Number(key) - 1] : undefined;
  if (run === undefined) return;
  event.preventDefault();
  const panes = [...document.querySelectorAll<HTMLElement>(".pane")];
  const pane = panes.find((one) => one.dataset["run"] === run);
  pane?.querySelector<HTMLElement>(".log")?.focus();
}

function Layouts({ watched }: { watched: Watched }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: it is no part of a form
    <div class="segments layouts" role="group" aria-label="Layout">
      {LAYOUTS.map((layout) => {
        const [icon, words] = LOOKS[layout];
        return (
          <button
            key={layout}
            type="button"
            aria-label={words}
            title={words}
            aria-pressed={watched.layout.value === layout}
            onClick={() => watched.setLayout(layout)}
          >
            <Icon name={icon} />
          </button>
        );
      })}
    </div>
  );
}

/** What there is to say beside the logs. */
function Notes({ watched }: { watched: Watched }) {
  const { wanted } = watched;
  const waiting = watched.waiting.value;
  const none = watched.shown.value.length === 0;
  const failure = watched.problem.value;
  return (
    <>
      {failure && <ProblemNote problem={failure} retry={() => void watched.refresh()} />}
      {wanted.left > 0 && (
        <p class="note" role="status">
          The address names {wanted.runs.length + wanted.left} runs. The first {MOST_WATCHED} are
          shown.
        </p>
      )}
      {waiting > 0 && (
        <p class="note" role="status">
          {waiting === 1 ? "1 more run matches." : `${waiting} more runs match.`} Close a pane to
          make room.
        </p>
      )}
      {none && !watched.filtered && (
        <p class="nothing">
          No run is chosen. <a href={here("/")}>Mark some in the list of runs</a>, and watch them
          here.
        </p>
      )}
      {none && watched.matching.value && !failure && (
        <p class="nothing">
          No run matches {sanitize(watched.filterWords)}. When one starts, it appears here.
        </p>
      )}
    </>
  );
}

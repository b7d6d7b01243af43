// The list's keyboard: j and k from run to run, / to the filters, ? for help.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { HelpDialog, Switch } from "../help";
import { settings } from "../settings";

export const LIST_KEYS: readonly (readonly [keys: string, help: string])[] = [
  ["j ↓", "Next run"],
  ["k ↑", "Previous run"],
  ["g Home", "First run"],
  ["G End", "Last run"],
  ["Enter", "Open the run"],
  ["x", "Mark the run"],
  ["Escape", "Unmark all runs"],
  ["/", "Filter the runs"],
  ["c", "Clear the filters"],
  ["s", "Start a task"],
  ["o", "Older runs"],
  ["?", "Show this help"],
];

export type ListAction =
  | "next"
  | "before"
  | "first"
  | "last"
  | "mark"
  | "unmark"
  | "filter"
  | "clear"
  | "start"
  | "older"
  | "help";

const ACTIONS: Readonly<Record<string, ListAction>> = {
  j: "next",
  ArrowDown: "next",
  k: "before",
  ArrowUp: "before",
  g: "first",
  Home: "first",
  G: "last",
  End: "last",
  x: "mark",
  Escape: "unmark",
  "/": "filter",
  c: "clear",
  s: "start",
  o: "older",
  "?": "help",
};

/** The action of a key, or null. Pure. */
export function listAction(key: string, single: boolean): ListAction | null {
  if (key.length === 1 && !single) return null;
  return Object.hasOwn(ACTIONS, key) ? (ACTIONS[key] ?? null) : null;
}

const single = signal(true);
export const helpOpen = signal(false);

/** The arrows are the page's own, unless a run has the focus. */
function isMine(key: string, target: HTMLElement): boolean {
  return key.length === 1 || key === "Escape" || target.closest(".runs") !== null;
}

export function useListKeys(act: (action: ListAction) => void): void {
  useEffect(() => {
    single.value = settings.single ?? true;
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (target.closest("input:not([type=checkbox]), select, textarea, dialog")) return;
      const action = listAction(event.key, single.value);
      if (action === null || !isMine(event.key, target)) return;
      event.preventDefault();
      if (action === "help") helpOpen.value = true;
      else if (action === "filter") document.getElementById("filter")?.focus();
      else if (action === "next" || action === "before") step(action === "next" ? 1 : -1);
      else if (action === "first" || action === "last") edge(action === "first" ? 0 : -1);
      else act(action);
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

function links(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(".runs .row-link")];
}

function step(by: number): void {
  const all = links();
  const row = document.activeElement?.closest("tr");
  const at = all.findIndex((link) => link.closest("tr") === row);
  const wanted = row && at >= 0 ? at + by : by > 0 ? 0 : all.length - 1;
  all[Math.min(all.length - 1, Math.max(0, wanted))]?.focus();
}

function edge(at: number): void {
  links().at(at)?.focus();
}

export function ListHelp() {
  const changed = (on: boolean) => {
    single.value = on;
    settings.single = on;
  };
  return (
    <HelpDialog label="Keyboard shortcuts" open={helpOpen} keys={LIST_KEYS}>
      <Switch on={single.value} changed={changed}>
        Single-letter keys
      </Switch>
    </HelpDialog>
  );
}

// The search box in the bar of every page, and Ctrl-K: both open the command palette.

import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { Icon } from "../design/icon";
import { Palette } from "./dialog";

const MAC = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function Search() {
  const open = useSignal(false);

  // Before the bar is on the screen: who sees it may press the key.
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
      if (key.toLowerCase() !== "k" || ctrlKey === metaKey || altKey || shiftKey) return;
      // Firefox has a search of its own there.
      event.preventDefault();
      open.value = !open.peek();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);

  return (
    <>
      <button
        type="button"
        class="search"
        title={`Search (${MAC ? "⌘K" : "Ctrl-K"})`}
        aria-keyshortcuts={MAC ? "Meta+K" : "Control+K"}
        onClick={() => {
          open.value = true;
        }}
      >
        <Icon name="find" />
        <span class="words">Search runs, tasks, pages</span>
        <span class="key" aria-hidden="true">
          {MAC ? "⌘ K" : "Ctrl K"}
        </span>
      </button>
      {open.value && (
        <Palette
          closed={() => {
            open.value = false;
          }}
        />
      )}
    </>
  );
}

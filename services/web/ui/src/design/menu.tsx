// A button with a short list of things to do below it. Escape, a click elsewhere and the focus elsewhere shut it.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  /** Of the element that holds button and list. */
  readonly class: string;
  /** Shown when the mouse rests on the button. */
  readonly title?: string;
  /** What is on the button; words among it are its name. */
  readonly opener: ComponentChildren;
  /** Links, buttons and other things, drawn while it is open. */
  readonly children: ComponentChildren;
}

/** With less room than this below it, in px, the list opens upwards. */
const ROOM = 280;

/** A choice that has `data-stays` leaves it open: it has something to say first. */
export function Menu({ class: name, title, opener, children }: Props) {
  const box = useRef<HTMLDetailsElement>(null);
  const open = useSignal(false);
  const up = useSignal(false);

  function close(): void {
    if (box.current) box.current.open = false;
  }

  function pressed(event: KeyboardEvent): void {
    // The browser's own: `open` follows only when it has told, after the next frame.
    if (!box.current?.open) return;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      close();
      box.current.querySelector("summary")?.focus();
    } else if (by) {
      const all = [...box.current.querySelectorAll<HTMLElement>(".menu > :is(a, button:enabled)")];
      const at = all.indexOf(document.activeElement as HTMLElement) + by;
      all.at(at < 0 ? -1 : at % all.length)?.focus();
    } else return;
    // They are the page's own otherwise.
    event.preventDefault();
    event.stopPropagation();
  }

  function chosen(event: Event): void {
    const choice = (event.target as Element).closest("a, button");
    if (!choice || choice.hasAttribute("data-stays")) return;
    close();
    // The choice is gone from the page with the list.
    box.current?.querySelector("summary")?.focus();
  }

  useLayoutEffect(() => {
    if (!open.value) return;
    const elsewhere = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) close();
    };
    document.addEventListener("click", elsewhere);
    document.addEventListener("focusin", elsewhere);
    return () => {
      document.removeEventListener("click", elsewhere);
      document.removeEventListener("focusin", elsewhere);
    };
  }, [open.value]);

  return (
    <details
      class={name}
      ref={box}
      onKeyDown={pressed}
      onToggle={({ currentTarget }) => {
        const { top, bottom } = currentTarget.getBoundingClientRect();
        up.value = innerHeight - bottom < ROOM && top > ROOM;
        open.value = currentTarget.open;
      }}
    >
      <summary class="opener" title={title}>
        {opener}
      </summary>
      {open.value && (
        // biome-ignore lint/a11y/noStaticElementInteractions: what is in it is pressed, by the keyboard as well
        // biome-ignore lint/a11y/useKeyWithClickEvents: as above
        <div class={up.value ? "menu up" : "menu"} onClick={chosen}>
          {children}
        </div>
      )}
    </details>
  );
}

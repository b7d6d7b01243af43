// What opens below a button: things to choose from. Escape, a click elsewhere and the focus elsewhere shut it.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  /** The class of the whole. */
  readonly kind: string;
  /** What the button shows. */
  readonly opener: ComponentChildren;
  readonly title?: string;
  readonly children: ComponentChildren;
}

/** A choice that has `data-stays` leaves it open: it has something to say first. */
export function Menu({ kind, opener, title, children }: Props) {
  const box = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const shut = () => {
      if (box.current) box.current.open = false;
    };
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || !box.current?.open) return;
      // Nothing else is meant.
      event.preventDefault();
      shut();
      box.current.querySelector("summary")?.focus();
    };
    const elsewhere = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) shut();
    };
    document.addEventListener("keydown", pressed, { capture: true });
    document.addEventListener("click", elsewhere);
    document.addEventListener("focusin", elsewhere);
    return () => {
      document.removeEventListener("keydown", pressed, { capture: true });
      document.removeEventListener("click", elsewhere);
      document.removeEventListener("focusin", elsewhere);
    };
  }, []);
  function chosen(event: Event): void {
    const choice = (event.target as Element).closest("a, button");
    if (choice && !choice.hasAttribute("data-stays") && box.current) box.current.open = false;
  }
  return (
    <details class={kind} ref={box}>
      <summary class="opener" title={title}>
        {opener}
      </summary>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: what is in it is pressed, by the keyboard as well */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: as above */}
      <div class="menu" onClick={chosen}>
        {children}
      </div>
    </details>
  );
}

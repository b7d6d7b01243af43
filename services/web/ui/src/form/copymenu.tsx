// "Copy as": the filled-in form as a command or a link.

import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../design/icon";

export type Way = "curl" | "command" | "link";

const WAYS: readonly (readonly [way: Way, name: string, title: string])[] = [
  ["curl", "curl", "A command for curl; secrets are placeholders"],
  ["command", "runtail start", "A command for the command line; secrets are placeholders"],
  ["link", "Link to this form", "An address that fills the form in, without secrets"],
];

export function CopyMenu({ copy }: { copy: (form: HTMLFormElement, way: Way) => void }) {
  const box = useRef<HTMLDetailsElement>(null);

  function close(): void {
    if (!box.current?.open) return;
    box.current.open = false;
    box.current.querySelector("summary")?.focus();
  }

  useEffect(() => {
    const clicked = (event: MouseEvent) => {
      if (box.current && !box.current.contains(event.target as Node)) box.current.open = false;
    };
    document.addEventListener("click", clicked);
    return () => document.removeEventListener("click", clicked);
  }, []);

  return (
    <details
      class="copy"
      ref={box}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !box.current?.open) return;
        // The drawer stays.
        event.preventDefault();
        close();
      }}
    >
      <summary class="opener">
        Copy as
        <Icon name="open" />
      </summary>
      <div class="menu">
        {WAYS.map(([way, name, title]) => (
          <button
            key={way}
            type="button"
            title={title}
            onClick={(event) => {
              const { form } = event.currentTarget;
              close();
              if (form) copy(form, way);
            }}
          >
            {name}
          </button>
        ))}
      </div>
    </details>
  );
}

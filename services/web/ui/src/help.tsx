// The dialog that a page's "?" opens: its keys, and the switches for those who need them otherwise.

import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Help {
  readonly label: string;
  readonly open: Signal<boolean>;
  readonly keys: readonly (readonly [keys: string, help: string])[];
  /** Its switches. */
  readonly children: ComponentChildren;
}

export function HelpDialog({ label, open, keys, children }: Help) {
  const dialog = useRef<HTMLDialogElement>(null);
  const wanted = open.value;
  useEffect(() => {
    if (wanted && !dialog.current?.open) dialog.current?.showModal();
    if (!wanted) dialog.current?.close();
  }, [wanted]);
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-label={label}
      onClose={() => {
        open.value = false;
      }}
    >
      {/* First, since it gets the focus: the dialog begins where that is. */}
      <form method="dialog" class="title">
        <h2>Keyboard shortcuts</h2>
        <button type="submit">Close</button>
      </form>
      <dl>
        {keys.map(([names, help]) => (
          <div key={help}>
            <dt>
              {names.split(" ").map((key) => (
                <kbd key={key}>{key === "gg" ? "g g" : key}</kbd>
              ))}
            </dt>
            <dd>{help}</dd>
          </div>
        ))}
      </dl>
      {children}
    </dialog>
  );
}

interface SwitchOf {
  readonly on: boolean;
  readonly changed: (on: boolean) => void;
  readonly children: string;
}

export function Switch({ on, changed, children }: SwitchOf) {
  return (
    <p>
      <label>
        <input
          type="checkbox"
          checked={on}
          onChange={(event) => changed(event.currentTarget.checked)}
        />{" "}
        {children}
      </label>
    </p>
  );
}

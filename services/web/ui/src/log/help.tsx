// The keys, and the switches for those who need them otherwise.

import { useEffect, useRef } from "preact/hooks";
import { ACTIONS } from "../keys";
import type { LogView } from "./view";

export function Help({ log }: { log: LogView }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = log.help.value;
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open) dialog.current?.close();
  }, [open]);
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-label="Keys and help"
      onClose={() => {
        log.help.value = false;
      }}
    >
      <h2>Keys</h2>
      <dl>
        {Object.values(ACTIONS).map(([keys, help]) => (
          <div key={help}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key === "gg" ? "g g" : key}</kbd>
              ))}
            </dt>
            <dd>{help}</dd>
          </div>
        ))}
      </dl>
      <p>
        <label>
          <input
            type="checkbox"
            checked={log.single.value}
            onChange={(event) => log.setSingle(event.currentTarget.checked)}
          />{" "}
          Keys of one letter
        </label>
      </p>
      <p>
        <label>
          <input
            type="checkbox"
            checked={log.reading.value}
            onChange={(event) => log.setReading(event.currentTarget.checked)}
          />{" "}
          Announce new lines to a screen reader
        </label>
      </p>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

// The fields of a line that is a JSON object, in a dialog.

import { useEffect, useMemo, useRef } from "preact/hooks";
import { Copy } from "../copy";
import { withCommas } from "../numbers";
import type { LogController } from "./controller";
import { fieldsOf } from "./model/fields";

export function Fields({ log }: { log: LogController }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const asked = log.fields.value;
  const fields = useMemo(() => (asked ? (fieldsOf(asked.text) ?? []) : []), [asked]);
  useEffect(() => {
    if (asked && !dialog.current?.open) dialog.current?.showModal();
    if (!asked) dialog.current?.close();
  }, [asked]);
  const name = asked ? `Fields of line ${withCommas(asked.line)}` : "Fields";
  return (
    <dialog
      ref={dialog}
      class="fields"
      aria-label={name}
      onClose={() => {
        log.fields.value = null;
      }}
    >
      <form method="dialog" class="title">
        <h2>{name}</h2>
        <button type="submit">Close</button>
      </form>
      {asked && fields.length === 0 && <p>It has none.</p>}
      <dl>
        {fields.map((field) => (
          <div key={field.name}>
            <dt>{field.name}</dt>
            <dd>
              <span>{field.value}</span>
              <Copy text={field.value} what={field.name} />
            </dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}

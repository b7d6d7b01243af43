// What must be corrected, each a way to its field.

import { sanitize } from "../sanitize";
import { inputId } from "./fields";

export function Faults({ names }: { names: readonly string[] }) {
  return (
    <p class="summary">
      Please correct:{" "}
      {names.map((name, at) => (
        <span key={name}>
          {at > 0 && ", "}
          <a
            href={`#${inputId(name)}`}
            onClick={(event) => {
              event.preventDefault();
              document.getElementById(inputId(name))?.focus();
            }}
          >
            {sanitize(name.replace(/^\./, ""))}
          </a>
        </span>
      ))}
    </p>
  );
}

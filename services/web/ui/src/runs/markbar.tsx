// What floats below the list: a word about what was done, and what can be done with the marked runs.

import { MOST_WATCHED, watchAddress } from "../address";
import type { Run } from "../api";
import { SquareButton } from "../design/squarebutton";
import { withCommas } from "../numbers";
import { sanitize } from "../sanitize";
import { lacks } from "../who";
import { isOver } from "../words";
import type { Tools } from "./tools";

export function MarkBar({ rows, tools }: { rows: readonly Run[]; tools: Tools }) {
  const ids = tools.marks.ids.value;
  // Nothing is done with a run that nobody sees.
  const marked = rows.filter(({ id }) => ids.has(id));
  return (
    <div class="below">
      <p class={tools.said.value ? "toast" : "unseen"} role="status">
        {sanitize(tools.said.value)}
      </p>
      {marked.length > 0 && <Bar marked={marked} tools={tools} />}
    </div>
  );
}

function Bar({ marked, tools }: { marked: readonly Run[]; tools: Tools }) {
  const going = marked.filter((run) => !isOver(run) && !run.cancel);
  const running = going.every(({ state }) => state === "running");
  const many = marked.length > MOST_WATCHED;
  return (
    <section class="toast marked" aria-label="Marked runs">
      <span role="status">{withCommas(marked.length)} marked</span>
      {!lacks("run:cancel") && going.length > 0 && (
        <button
          type="button"
          class="grave"
          onClick={() => {
            tools.cancelling.value = going;
          }}
        >
          Cancel {withCommas(going.length)} {running ? "running" : "unfinished"}
        </button>
      )}
      {!lacks("log:read") &&
        (many ? (
          <button type="button" disabled title={`You can watch ${MOST_WATCHED} runs at once.`}>
            Watch
          </button>
        ) : (
          <a class="button" href={watchAddress(marked.map(({ id }) => id))}>
            Watch
          </a>
        ))}
      <SquareButton
        icon="close"
        label="Clear"
        title="Unmark all (Esc)"
        press={() => tools.marks.clear()}
      />
    </section>
  );
}

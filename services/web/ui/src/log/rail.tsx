// Beside the log: its sections, and what stands out in it. Each leads to its place.

import { useMemo } from "preact/hooks";
import type { Run } from "../api";
import { Icon } from "../design/icon";
import { withCommas } from "../numbers";
import type { LogController } from "./controller";
import { standsOut } from "./model/standsout";
import { Sections } from "./sections";

const MOST_OUTSTANDING = 50;

interface Props {
  readonly log: LogController;
  /** In ms since 1970. */
  readonly now: number;
  /** The last run of the task before this one that succeeded; null if there is none. */
  readonly good: Run | null;
  /** The reader chose a place in the log. */
  readonly chosen: () => void;
}

/** Drawn anew once a second, however fast the log grows. */
export function LogRail({ log, now, good, chosen }: Props) {
  const second = Math.floor(now / 1000);
  return useMemo(
    () => (
      <>
        <Sections log={log} now={second * 1000} good={good} chosen={chosen} />
        <Outstanding log={log} chosen={chosen} />
      </>
    ),
    [log, second, good],
  );
}

function Outstanding({ log, chosen }: Pick<Props, "log" | "chosen">) {
  const { shown, more } = standsOut(log.model, MOST_OUTSTANDING);
  if (shown.length === 0) return null;
  return (
    <nav aria-label="Stands out">
      <h2>Stands out</h2>
      {shown.map(({ line, level, text, event }) => (
        <a
          key={line}
          class="entry"
          href={`#L${line}`}
          title={text}
          onClick={(event) => {
            event.preventDefault();
            chosen();
            log.showLine(line);
          }}
        >
          <span class={level === "error" ? "bad" : "warn"}>
            <Icon name={level} />
            <span class="unseen">{level}:</span>
          </span>
          <span class="name">{text || `line ${withCommas(line)}`}</span>
          {!event && <span class="side">{withCommas(line)}</span>}
        </a>
      ))}
      {more > 0 && <p class="hint">and {withCommas(more)} more, with the key e</p>}
    </nav>
  );
}

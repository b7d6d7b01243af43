// Beside the log: its sections, and what stands out in it. Each leads to its place.

import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Icon } from "../design/icon";
import type { IconName } from "../design/icons";
import { withCommas } from "../numbers";
import { duration, lasted } from "../time";
import type { LogController } from "./controller";
import { title } from "./drawing/row";
import type { Group } from "./model/groups";
import { standsOut } from "./model/standsout";

const MOST_SECTIONS = 200;
const MOST_OUTSTANDING = 50;
/** Deeper ones are indented no further. */
const DEEPEST = 3;

interface Props {
  readonly log: LogController;
  /** In ms since 1970. */
  readonly now: number;
  /** The reader chose a place in the log. */
  readonly chosen: () => void;
}

/** Drawn anew once a second, however fast the log grows. */
export function LogRail({ log, now, chosen }: Props) {
  const second = Math.floor(now / 1000);
  const current = log.sticky.current.value;
  return useMemo(
    () => (
      <>
        <Sections log={log} now={second * 1000} chosen={chosen} current={current} />
        <Outstanding log={log} chosen={chosen} />
      </>
    ),
    [log, second, current],
  );
}

function Sections({ log, now, chosen, current }: Props & { readonly current: Group | null }) {
  const all = log.model.groups.all;
  const nav = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (nav.current) reveal(nav.current);
  }, [current]);
  if (all.length === 0) return null;
  return (
    <nav aria-label="Sections" ref={nav}>
      <h2>Sections</h2>
      {all.slice(0, MOST_SECTIONS).map((group) => (
        <a
          key={`${group.id.attempt}-${group.id.seq}`}
          class={`entry depth-${Math.min(group.depth, DEEPEST)}`}
          href={`#L${group.head ?? group.first}`}
          aria-current={group === current ? "true" : undefined}
          title={title(group)}
          onClick={(event) => {
            event.preventDefault();
            chosen();
            log.showGroup(group);
          }}
        >
          <GroupState group={group} />
          <span class="name">{title(group)}</span>
          <span class="side">{took(group, now)}</span>
        </a>
      ))}
      {all.length > MOST_SECTIONS && (
        <p class="hint">and {withCommas(all.length - MOST_SECTIONS)} more, with the key ]</p>
      )}
    </nav>
  );
}

/** Scroll a list, and nothing around it, until its current entry is in sight. */
function reveal(list: HTMLElement): void {
  const entry = list.querySelector("[aria-current]")?.getBoundingClientRect();
  if (!entry) return;
  const { top, bottom } = list.getBoundingClientRect();
  if (entry.top < top) list.scrollTop -= top - entry.top;
  else if (entry.bottom > bottom) list.scrollTop += entry.bottom - bottom;
}

function GroupState({ group }: { group: Group }) {
  const [name, look, words] = stateOf(group);
  return (
    <span class={look}>
      <Icon name={name} />
      <span class="unseen">{words}</span>
    </span>
  );
}

function stateOf(group: Group): [name: IconName, look: string, words: string] {
  if (group.errors > 0) return ["error", "bad", "with errors:"];
  if (group.warnings > 0) return ["warning", "warn", "with warnings:"];
  if (group.until === null) return ["running", "running", "not ended:"];
  if (group.unclosed) return ["warning", "warn", "never closed:"];
  return ["succeeded", "good", ""];
}

/** How long a section took, or takes; empty where nobody knows. */
function took(group: Group, now: number): string {
  if (group.unclosed) return "";
  if (group.until !== null) return lasted(group.until - group.since);
  return group.since > 0 ? duration(now - group.since) : "";
}

function Outstanding({ log, chosen }: Omit<Props, "now">) {
  const { shown, more } = standsOut(log.model, MOST_OUTSTANDING);
  if (shown.length === 0) return null;
  return (
    <nav aria-label="Stands out">
      <h2>Stands out</h2>
      {shown.map(({ line, level, text }) => (
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
          <span class="side">{withCommas(line)}</span>
        </a>
      ))}
      {more > 0 && <p class="hint">and {withCommas(more)} more, with the key e</p>}
    </nav>
  );
}

// The sections of a log, each with a bar for how long it took; beside them, those of the last good run.

import { signal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type OutlineGroup, outline, Problem, type Run } from "../api";
import { Icon } from "../design/icon";
import type { IconName } from "../design/icons";
import { withCommas } from "../numbers";
import { duration, lasted, stamp } from "../time";
import type { LogController } from "./controller";
import type { Group } from "./model/groups";
import { longest, type Section, timeline } from "./model/timeline";

const MOST_SECTIONS = 200;
/** Deeper ones are indented no further. */
const DEEPEST = 3;
const SOLE = 1;

interface Props {
  readonly log: LogController;
  /** In ms since 1970. */
  readonly now: number;
  /** The last run of the task before this one that succeeded; null if there is none. */
  readonly good: Run | null;
  readonly chosen: () => void;
}

/** What the sections are compared with. */
export class Comparison {
  readonly wanted = signal(false);
  readonly groups = signal<readonly OutlineGroup[] | null>(null);
  readonly problem = signal("");

  /** Loaded when it is first asked for. */
  async toggle(run: Run): Promise<void> {
    this.wanted.value = !this.wanted.peek();
    if (!this.wanted.peek() || this.groups.peek()) return;
    this.problem.value = "";
    try {
      this.groups.value = (await outline(run.id)).groups;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.problem.value = error.message;
      this.wanted.value = false;
    }
  }

  get shown(): readonly OutlineGroup[] | null {
    return this.wanted.value ? this.groups.value : null;
  }
}

export function Sections({ log, now, good, chosen }: Props) {
  const current = log.sticky.current.value;
  const comparison = useMemo(() => new Comparison(), []);
  const nav = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (nav.current) reveal(nav.current);
  }, [current]);
  const all = log.model.groups.all;
  if (all.length === 0) return null;
  const sections = timeline(all, comparison.shown, now);
  const most = longest(sections);
  const more = Math.max(sections.length, all.length) - MOST_SECTIONS;
  return (
    <>
      <nav aria-label="Sections" ref={nav}>
        <h2>Sections</h2>
        {sections.slice(0, MOST_SECTIONS).map((section, index) => {
          const { group } = section;
          const compared = comparison.shown !== null;
          if (group === null) {
            return (
              <Missing
                key={`missing ${index}`}
                section={section}
                most={most}
                over={log.model.over}
              />
            );
          }
          return (
            <a
              key={`${group.id.attempt}-${group.id.seq}`}
              class={`entry depth-${Math.min(group.depth, DEEPEST)}`}
              href={`#L${group.head ?? group.first}`}
              aria-current={group === current ? "true" : undefined}
              title={section.title}
              onClick={(event) => {
                event.preventDefault();
                chosen();
                log.showGroup(group);
              }}
            >
              <GroupState group={group} />
              <span class="name">{section.title || "section"}</span>
              <span class={slower(section) ? "side warn" : "side"}>{tookWords(section)}</span>
              {compared && <span class="was">{wasWords(section)}</span>}
              {all.length > SOLE && <Bars section={section} most={most} />}
            </a>
          );
        })}
        {more > 0 && <p class="hint">and {withCommas(more)} more, with the key ]</p>}
      </nav>
      {good && <Compare comparison={comparison} good={good} />}
    </>
  );
}

function Compare({ comparison, good }: { comparison: Comparison; good: Run }) {
  return (
    <p class="compare">
      <button
        type="button"
        class="quiet"
        aria-pressed={comparison.wanted.value}
        title={`The last run before this one that succeeded, of ${stamp(good.created_ms)}`}
        onClick={() => void comparison.toggle(good)}
      >
        Compare with the last good run
      </button>
      {comparison.shown?.length === 0 && <span class="hint">That run has no sections.</span>}
      {comparison.problem.value && (
        <span class="hint" role="alert">
          That run cannot be read: {comparison.problem.value}
        </span>
      )}
    </p>
  );
}

/** What the last good run had and this one does not have, or not yet. */
function Missing({ section, most, over }: { section: Section; most: number; over: boolean }) {
  const words = over ? "missing" : "not yet";
  return (
    <p class={`entry missing depth-${Math.min(section.depth, DEEPEST)}`} title={section.title}>
      <Icon name={over ? "missing" : "queued"} />
      <span class="name">{section.title || "section"}</span>
      <span class="side">{words}</span>
      <span class="was">{wasWords(section)}</span>
      <Bars section={section} most={most} />
    </p>
  );
}

/** Its duration, and below that the other run's, as parts of the longest. */
function Bars({ section, most }: { section: Section; most: number }) {
  if (most <= 0) return null;
  const part = (ms: number | null | undefined) => `${Math.min(100, ((ms ?? 0) / most) * 100)}%`;
  return (
    <span class="bars" aria-hidden="true">
      {section.took !== null && <span class="took" style={{ width: part(section.took) }} />}
      {typeof section.was === "number" && (
        <span class="before" style={{ width: part(section.was) }} />
      )}
    </span>
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
function tookWords({ group, took }: Section): string {
  if (took === null) return "";
  return group?.until === null ? duration(took) : lasted(took);
}

/** By so much that it is no chance. */
function slower({ took, was }: Section): boolean {
  return took !== null && typeof was === "number" && took > 1.5 * was && took - was >= 1_000;
}

function wasWords({ was }: Section): string {
  if (was === undefined) return "new";
  return was === null ? "" : `was ${lasted(was)}`;
}

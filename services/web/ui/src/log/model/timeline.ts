// The sections of a run beside those of another run of the same task. Pure.

import type { OutlineGroup } from "../../api";
import { plain } from "./ansi";
import type { Group } from "./groups";

/** The server cuts titles there. */
const TITLE_CHARS = 200;
/** So many sections of each run are compared. */
const MOST_COMPARED = 1_000;

export interface Section {
  /** Null: only the other run has it. */
  readonly group: Group | null;
  readonly title: string;
  readonly depth: number;
  /** How long it takes or took, in ms; null where nobody knows. */
  readonly took: number | null;
  /** The same in the other run; undefined: that run does not have it. */
  readonly was: number | null | undefined;
}

/** How long a section took or has taken by `now`, in ms; null where nobody knows. */
export function tookMs(group: Group, now: number): number | null {
  if (group.unclosed) return null;
  if (group.until !== null) return group.until - group.since;
  return group.since > 0 ? Math.max(0, now - group.since) : null;
}

/** Names each section by its title and those around it, and by how often that came before. */
function namer(): (title: string, depth: number) => string {
  const path: string[] = [];
  const met = new Map<string, number>();
  return (title, depth) => {
    path.length = Math.min(depth, path.length);
    path.push(title);
    const name = JSON.stringify(path);
    const times = met.get(name) ?? 0;
    met.set(name, times + 1);
    return `${times} ${name}`;
  };
}

/**
 * The sections in order. Those that only the other run has stand where that run had them.
 * @param now - In ms since 1970.
 * @param other - Null: there is nothing to compare with.
 */
export function timeline(
  groups: readonly Group[],
  other: readonly OutlineGroup[] | null,
  now: number,
): readonly Section[] {
  const there = new Map<string, OutlineGroup>();
  const nameOther = namer();
  for (const group of (other ?? []).slice(0, MOST_COMPARED)) {
    there.set(nameOther(group.title, group.depth), group);
  }
  const nameOurs = namer();
  const ours = groups.slice(0, MOST_COMPARED).map((group) => {
    const title = plain(group.title).slice(0, TITLE_CHARS);
    return { group, title, name: nameOurs(title, group.depth) };
  });
  const here = new Set(ours.map(({ name }) => name));
  const rest = [...there.keys()];
  const sections: Section[] = [];
  const missing = (names: readonly string[]) => {
    for (const name of names) {
      const group = there.get(name);
      if (!group || here.has(name)) continue;
      const was = msOf(group);
      sections.push({ group: null, title: group.title, depth: group.depth, took: null, was });
    }
  };
  for (const { group, title, name } of ours) {
    const place = rest.indexOf(name);
    if (place >= 0) missing(rest.splice(0, place + 1));
    const known = there.get(name);
    const was = known ? msOf(known) : undefined;
    sections.push({ group, title, depth: group.depth, took: tookMs(group, now), was });
  }
  missing(rest);
  return sections;
}

function msOf(group: OutlineGroup): number | null {
  return group.seconds === null || group.state === "unclosed" ? null : group.seconds * 1000;
}

/** The longest of them, in ms. */
export function longest(sections: readonly Section[]): number {
  return sections.reduce((most, { took, was }) => Math.max(most, took ?? 0, was ?? 0), 0);
}

// In the rail of a run: the runs that called it and that it called, with their states.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { here, runAddress, WATCH } from "../address";
import { Problem, type Run, run as readRun, runs } from "../api";
import { Icon } from "../design/icon";
import { withCommas } from "../numbers";
import { sanitize } from "../sanitize";
import { familyTree, rootOf } from "./familytree";

const REFETCH_MS = 10_000;
/** More are a list of their own. */
const MOST = 50;
/** As deep as the rail can show. */
const DEEPEST = 3;

interface Found {
  readonly runs: readonly Run[];
  /** There are more. */
  readonly more: boolean;
}

export function Family({ run }: { run: Run }) {
  const found = useSignal<Found | null>(null);
  const root = rootOf(run);

  useEffect(() => {
    let current = true;
    const fetchFamily = async () => {
      const answer = await familyOf(run, root);
      if (current && answer) found.value = answer;
    };
    void fetchFamily();
    const refetch = setInterval(() => {
      if (document.visibilityState === "visible") void fetchFamily();
    }, REFETCH_MS);
    return () => {
      current = false;
      clearInterval(refetch);
    };
  }, [run.id, run.state, root]);

  const family = found.value;
  if (!family || family.runs.length < 2) return null;
  const members = familyTree(family.runs, root);
  return (
    <section class="family">
      <h2>Family</h2>
      {members.map(({ run: member, depth }) => (
        <a
          key={member.id}
          class={`entry depth-${Math.min(depth, DEEPEST)}`}
          href={runAddress(member.id)}
          aria-current={member.id === run.id ? "page" : undefined}
          title={sanitize(`${member.task}, ${member.state}\n${member.id}`)}
        >
          <span class={`state ${member.state}`}>
            <Icon name={member.state} />
            <span class="unseen">{member.state}</span>
          </span>
          <span class="name">{sanitize(member.title ?? member.task)}</span>
        </a>
      ))}
      {family.more && (
        <a class="entry" href={here(`/?root=${encodeURIComponent(root)}`)}>
          The newest {withCommas(MOST)} are shown. All in the list
        </a>
      )}
      <a class="entry" href={watchAddress(root)}>
        <Icon name="watch" />
        Watch all
      </a>
    </section>
  );
}

/** The first of the family and, as they begin, those that follow. */
function watchAddress(root: string): string {
  return here(`${WATCH}?${new URLSearchParams({ root, run: root })}`);
}

/** Those of the family that the reader may see; null if the server does not answer now. */
async function familyOf(run: Run, root: string): Promise<Found | null> {
  try {
    const query = new URLSearchParams({ root, limit: String(MOST) });
    const [others, first] = await Promise.all([runs(query), root === run.id ? run : firstOf(root)]);
    const all = [...(first ? [first] : []), ...others.runs];
    return { runs: all, more: others.next !== null && others.runs.length === MOST };
  } catch (error) {
    // What is known stays: the page says elsewhere that the server does not answer.
    if (error instanceof Problem) return null;
    throw error;
  }
}

/** It may be deleted by now, and its family lives on. */
async function firstOf(root: string): Promise<Run | null> {
  try {
    return await readRun(root);
  } catch (error) {
    if (error instanceof Problem && (error.status === 404 || error.status === 403)) return null;
    throw error;
  }
}

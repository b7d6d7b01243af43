// The lines of a run, or what there is to say while there are none.

import type { Run } from "../api";
import type { Follow } from "../log/follow";
import { sanitize } from "../sanitize";
import { gone, type Reading } from "./run";

export function LogLines({ reading }: { reading: Reading }) {
  const { record, log, runId, scroller } = reading;
  const follow = log.value?.follow;
  const label = `Log of run ${sanitize(runId)}`;
  return (
    <>
      {follow && <Empty follow={follow} run={gone(reading) ? null : record.value} />}
      <div class="frame">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <section class="log" ref={scroller} tabIndex={0} aria-label={label} />
      </div>
    </>
  );
}

function Empty({ follow, run }: { follow: Follow; run: Run | null }) {
  if (follow.range.value.next > 1 || follow.live.value || !run || run.lines > 0) return null;
  return <p class="note empty">{emptyWords(follow, run)}</p>;
}

function emptyWords(follow: Follow, run: Run): string {
  if (follow.phase.value.name === "over") return "This run printed nothing.";
  if (run.state === "queued") return "The output comes here when a worker starts the run.";
  return "No output yet.";
}

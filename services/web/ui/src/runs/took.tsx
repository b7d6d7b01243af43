// How long a run takes or took, how long others of its task took, and how far it is.

import type { Run, RunLine } from "../api";
import { percentOf } from "../percent";
import { duration, lasted, span } from "../time";
import { isOver, tookMs } from "../words";

interface TookOf {
  readonly run: Run;
  /** In ms since 1970. */
  readonly now: number;
  /** How long runs of this task take, in ms, where that is known. */
  readonly usual: number | undefined;
  /** What it wrote last, where that is known. */
  readonly line: RunLine | undefined;
}

export function Took({ run, now, usual, line }: TookOf) {
  const ms = tookMs(run, now);
  if (ms === null) return null;
  const over = isOver(run);
  const words = over ? lasted(ms) : duration(ms);
  const title = usual === undefined ? words : `${words}, usually ${lasted(usual)}`;
  return (
    <>
      <span title={title}>
        {span(ms, over)}
        {usual !== undefined && !over && <span class="usual"> of ~{span(usual, true)}</span>}
      </span>
      {run.state === "running" && <Meter ms={ms} usual={usual} line={line} />}
    </>
  );
}

interface MeterOf {
  readonly ms: number;
  readonly usual: number | undefined;
  readonly line: RunLine | undefined;
}

/** How far it says that it is; else how far it would be if it took as long as those before it. */
function Meter({ ms, usual, line }: MeterOf) {
  const says = line ? saidPercent(line) : null;
  if (says === null && usual === undefined) return null;
  const percent = says ?? Math.min(100, (100 * ms) / (usual ?? 1));
  const words =
    says === null ? `Usually takes ${duration(usual ?? 0)}` : `${Math.round(says)} per cent`;
  return (
    <svg class="meter" role="img" aria-label={words} viewBox="0 0 100 4" preserveAspectRatio="none">
      <title>{words}</title>
      <rect class="whole" width="100" height="4" />
      <rect width={percent.toFixed(1)} height="4" />
    </svg>
  );
}

/** From 0 to 100: what the task reports, or what stands in its last line; null if neither does. Pure. */
export function saidPercent({ progress, text }: RunLine): number | null {
  return progress === null ? percentOf(text) : 100 * progress;
}

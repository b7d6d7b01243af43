// What the browser's tab says of a run: its state and per cent, its name, an icon. Pure.

import { here } from "../address";
import type { Run } from "../api";
import { plain } from "../log/model/ansi";
import type { LiveLine } from "../log/model/messages";
import { withCommas } from "../numbers";
import { percentOfRows } from "../percent";
import { sanitize } from "../sanitize";

/** How far a run's unfinished output says that it is, in per cent; null where it does not. */
export function percentOfLive(live: LiveLine | null): number | null {
  if (live === null) return null;
  const value = live.progress?.value;
  if (value !== undefined) return Math.floor(Math.min(1, Math.max(0, value)) * 100);
  return percentOfRows((live.rows ?? [live.text]).map(plain));
}

/** `(+12) 68 % · images.build · Runtail`. `unseen`: lines that came since the reader paused. */
export function tabTitle(run: Run, live: LiveLine | null, unseen: number): string {
  const news = unseen > 0 ? `(+${withCommas(unseen)}) ` : "";
  return `${news}${stateWords(run, live)} · ${sanitize(run.title || run.task)} · Runtail`;
}

function stateWords(run: Run, live: LiveLine | null): string {
  const cancelling = run.state === "running" && run.cancel !== null;
  const percent = run.state === "running" && !cancelling ? percentOfLive(live) : null;
  if (percent !== null) return `${percent} %`;
  const word = cancelling ? "cancelling" : run.state;
  return word.replace(/^./, (letter) => letter.toUpperCase());
}

/** The address of the icon for a state. */
export function tabIcon(state: Run["state"]): string {
  return here(`/static/state-${state}.svg`);
}

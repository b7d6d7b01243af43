// Inputs of the decisions about reading a log, for the tests of them.

import type { LogWindow, Run } from "../src/api";
import type { Input } from "../src/log/state";
import type { Position } from "../src/protocol/cursor";

export const NOW = 1_000;
export const RUNNING = { state: "running", lines: 40 } as Run;
export const at = (line: number, epoch = 1): Position => ({
  epoch,
  line,
  chain: `digest of ${line}`,
});
export const message = (epoch = 1) => ({ v: 1, run: "r", epoch, entries: [] });
export const windowAt = (position: Position, lines = 40): LogWindow =>
  ({
    epoch: position.epoch,
    from: position.line,
    chain: position.chain,
    lines,
    state: "running",
    entries: [],
  }) as unknown as LogWindow;
export const checked = (
  position: Position,
  more: Partial<Input & { type: "checked" }> = {},
): Input & { type: "checked" } => ({
  type: "checked",
  from: 1,
  position,
  verdict: null,
  events: false,
  ended: false,
  bytes: 0,
  newest: 0,
  ...more,
});

// A run's state: a shape, a word and a colour, never the colour alone.

import type { Run } from "./api";

const SHAPES: Record<Run["state"], string> = {
  queued: "◌",
  running: "▶",
  succeeded: "✓",
  failed: "✗",
  cancelled: "■",
  lost: "?",
};

export function StateChip({ run }: { run: Run }) {
  const { state } = run;
  return (
    <span class={`chip ${state}`}>
      <span aria-hidden="true">{SHAPES[state]}</span>{" "}
      {state === "running" && run.cancel ? "cancelling" : state}
    </span>
  );
}

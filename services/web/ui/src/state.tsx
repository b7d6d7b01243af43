// A run's state: an icon, a word and a colour, never the colour alone.

import type { Run } from "./api";
import { Icon } from "./design/icon";

export function StateChip({ run }: { run: Run }) {
  const { state } = run;
  return (
    <span class={`chip ${state}`}>
      <Icon name={state} />
      <span class="word">{state === "running" && run.cancel ? "cancelling" : state}</span>
    </span>
  );
}

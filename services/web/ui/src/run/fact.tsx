// One thing that is known of a run: its name and its value, in a list of those.

import type { ComponentChildren } from "preact";
import { stamp } from "../time";

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A moment, as a date or in other words. */
export function Time({ ms, words }: { ms: number; words?: string }) {
  return (
    <time dateTime={new Date(ms).toISOString()} {...(words ? { title: stamp(ms) } : {})}>
      {words ?? stamp(ms)}
    </time>
  );
}

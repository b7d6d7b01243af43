// The server's time: ages and durations must not depend on a clock that is wrong here.

import { signal } from "@preact/signals";

/** Below this much it is the answer's way and the header's whole seconds. */
const NOTABLE_MS = 30_000;

/** How far this computer's clock is ahead of the server's, when that is notable. */
export const ahead = signal(0);

/** Learn from an answer's `Date` header. */
export function observeDate(header: string | null, now: number): void {
  const said = header === null ? Number.NaN : Date.parse(header);
  if (Number.isNaN(said)) return;
  const difference = now - said;
  ahead.value = Math.abs(difference) < NOTABLE_MS ? 0 : difference;
}

/** Milliseconds since 1970, as the server counts them. */
export function serverNow(): number {
  return Date.now() - ahead.value;
}

// Who is looking at the page, and what they may do, as far as the server has said.

import { signal } from "@preact/signals";
import { hasLogin } from "./address";
import { Problem, type Session, session } from "./api";

/** Null until the first answer. */
export const who = signal<Session | null>(null);

let asking = false;

/** Ask the server. If nobody is logged in any more, that leads to the login. */
export async function askWho(): Promise<void> {
  if (asking) return;
  asking = true;
  try {
    who.value = await session();
  } catch (error) {
    // What was known stays: the page says elsewhere that the server does not answer.
    if (!(error instanceof Problem)) throw error;
  } finally {
    asking = false;
  }
}

/** Ask now, and whenever somebody comes back to the page: the login may have ended in another tab. */
export function keepAsking(): void {
  void askWho();
  if (!hasLogin()) return;
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void askWho();
  });
}

/** Why somebody may not do something that takes a right; null if they may, or that is not known yet. Pure. */
export function lacking(known: Pick<Session, "rights"> | null, right: string): string | null {
  if (known === null || known.rights.includes(right)) return null;
  return `It takes the right ${right}. Ask whoever grants rights here.`;
}

/** As {@link lacking}, for who is looking. */
export function lacks(right: string): string | null {
  return lacking(who.value, right);
}

// What a guest is told. Pure.

import type { OpenedShare } from "../api";
import { rangeWords } from "../share/words";
import { stamp } from "../time";

/** What a guest is shown, and what a guest cannot know. */
export function guestWords(share: OpenedShare): string {
  const follows = share.live ? ", and what follows as it is written" : "";
  return `You see ${rangeWords(share)} of this run${follows}, and nothing else of it, until ${stamp(share.ends_ms)}.`;
}

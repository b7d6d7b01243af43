// An icon beside its words: those who hear the page hear the words.

import { h } from "preact";
import { ICONS, type IconName } from "./icons";

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      {ICONS[name].map(([tag, attributes]) => h(tag, attributes))}
    </svg>
  );
}

/** Runtail's sign. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
      <rect x="2" y="4.5" width="20" height="3" rx="1.5" />
      <rect x="2" y="10.5" width="14" height="3" rx="1.5" opacity="0.65" />
      <rect x="2" y="16.5" width="8" height="3" rx="1.5" opacity="0.4" />
      <circle cx="15.5" cy="18" r="2.6" />
    </svg>
  );
}

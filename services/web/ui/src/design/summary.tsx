// What opens a `details`: an arrow that turns, and what is said when it is shut.

import type { ComponentChildren } from "preact";
import { Icon } from "./icon";

export function Summary({ children }: { children: ComponentChildren }) {
  return (
    <summary class="arrowed">
      <Icon name="folded" />
      {children}
    </summary>
  );
}

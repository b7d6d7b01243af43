// A choice whose arrow is an icon of ours.

import type { JSX } from "preact";
import { Icon } from "./icon";

export function Select(props: JSX.IntrinsicElements["select"]) {
  return (
    <span class="select">
      <select {...props} />
      <Icon name="open" />
    </span>
  );
}

// A button that is an icon alone: those who hear the page hear its label.

import { Icon } from "./icon";
import type { IconName } from "./icons";

interface Props {
  readonly icon: IconName;
  readonly label: string;
  /** Shown when the mouse rests on it, such as its key. */
  readonly title?: string;
  readonly press: () => void;
}

export function SquareButton({ icon, label, title, press }: Props) {
  return (
    <button type="button" class="quiet square" aria-label={label} title={title} onClick={press}>
      <Icon name={icon} />
    </button>
  );
}

// "Copy as": the filled-in form as a command or a link.

import { Icon } from "../design/icon";
import { Menu } from "../design/menu";

export type Way = "curl" | "command" | "link";

const WAYS: readonly (readonly [way: Way, name: string, title: string])[] = [
  ["curl", "curl", "A command for curl; secrets are placeholders"],
  ["command", "runtail start", "A command for the command line; secrets are placeholders"],
  ["link", "Link to this form", "An address that fills the form in, without secrets"],
];

export function CopyMenu({ copy }: { copy: (form: HTMLFormElement, way: Way) => void }) {
  const opener = (
    <>
      Copy as
      <Icon name="open" />
    </>
  );
  return (
    <Menu class="copy" opener={opener}>
      {WAYS.map(([way, name, title]) => (
        <button
          key={way}
          type="button"
          title={title}
          onClick={({ currentTarget: { form } }) => {
            if (form) copy(form, way);
          }}
        >
          {name}
        </button>
      ))}
    </Menu>
  );
}

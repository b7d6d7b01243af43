// An input with a list of what is meant below it, narrowed as one types.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Icon } from "./design/icon";
import { sanitize } from "./sanitize";

/** Something to choose. */
export interface Choice {
  readonly key: string;
  readonly text: string;
  /** What kind of thing it is, or what it does. */
  readonly about: string;
  /** The heading that it stands under; those of one group stand together. */
  readonly group?: string;
}

interface Props {
  readonly id: string;
  readonly label: string;
  readonly placeholder: string;
  /** What stands there while nobody writes. */
  readonly value: string;
  /** Said when nothing fits what was written. */
  readonly nothing?: string;
  /** What fits a text, best first. */
  readonly find: (text: string) => readonly Choice[];
  readonly choose: (choice: Choice) => void;
  /** Backspace in an empty input. */
  readonly back?: () => void;
  /** The text is another one: what fits it may have to be asked for. */
  readonly written?: (text: string) => void;
  /** The list is there for as long as the input is. */
  readonly standing?: boolean;
}

/** More would be neither read nor fast. */
const SHOWN = 50;

export function Combobox(props: Props) {
  const { id, label, placeholder, value, nothing, find, choose, back, written } = props;
  const { standing = false } = props;
  // What is being written stays when the page is drawn anew.
  const typed = useSignal<string | null>(null);
  const open = useSignal(standing);
  const at = useSignal(0);
  const list = useRef<HTMLDivElement>(null);

  const found = open.value ? find(typed.value?.trim() ?? "") : [];
  const shown = found.slice(0, SHOWN);
  const none = open.value && shown.length === 0 ? nothing : undefined;
  const current = shown[Math.min(at.value, shown.length - 1)];

  function show(): void {
    if (open.value) return;
    at.value = 0;
    open.value = true;
  }

  function close(): void {
    open.value = standing;
    typed.value = null;
  }

  function take(choice: Choice): void {
    close();
    choose(choice);
  }

  function move(by: number): void {
    if (!open.value) {
      show();
      return;
    }
    at.value = Math.max(0, Math.min(shown.length - 1, at.value + by));
    requestAnimationFrame(() =>
      list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }),
    );
  }

  function pressed(event: KeyboardEvent & { readonly currentTarget: HTMLInputElement }): void {
    const { key } = event;
    if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      move(key === "ArrowDown" ? 1 : -1);
    } else if (key === "Enter") {
      event.preventDefault();
      if (current) take(current);
    } else if (key === "Escape") {
      // The dialog closes with it.
      if (standing) return;
      // Within a dialog, the first closes the list alone.
      if (open.value) event.preventDefault();
      close();
      if (!event.currentTarget.closest("dialog")) event.currentTarget.blur();
    } else if (key === "Backspace" && event.currentTarget.value === "") back?.();
  }

  return (
    <span class="combobox">
      <Icon name="find" />
      <input
        id={id}
        type="text"
        role="combobox"
        aria-label={label}
        aria-autocomplete="list"
        aria-expanded={open.value && shown.length > 0}
        aria-controls={`${id}-list`}
        aria-activedescendant={current ? `${id}-${shown.indexOf(current)}` : undefined}
        placeholder={placeholder}
        autoComplete="off"
        spellcheck={false}
        value={typed.value ?? value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          at.value = 0;
          open.value = true;
          written?.(event.currentTarget.value.trim());
        }}
        onClick={(event) => {
          if (value !== "" && !open.value) event.currentTarget.select();
          show();
        }}
        onKeyDown={pressed}
        onBlur={() => {
          open.value = standing;
          // What was chosen comes back; what was begun stays.
          if (value !== "") typed.value = null;
        }}
      />
      {value !== "" && <Icon name="open" />}
      <span class="offered" hidden={shown.length === 0 && !none}>
        <div id={`${id}-list`} role="listbox" aria-label="Suggestions" ref={list}>
          {groupsOf(shown).map(({ name, from, choices }) => {
            const options = choices.map((choice, index) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the input has the focus and the keys
              // biome-ignore lint/a11y/useFocusableInteractive: the input names the one that is chosen
              <div
                key={choice.key}
                id={`${id}-${from + index}`}
                role="option"
                aria-selected={choice === current}
                // The input keeps the focus.
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => take(choice)}
              >
                <span class="text">{sanitize(choice.text)}</span>
                <span class="kind">{sanitize(choice.about)}</span>
              </div>
            ));
            if (name === undefined) return options;
            return (
              // biome-ignore lint/a11y/useSemanticElements: a listbox knows this group
              <div key={name} role="group" aria-labelledby={`${id}-group-${from}`}>
                <div id={`${id}-group-${from}`} class="heading" role="presentation">
                  {name}
                </div>
                {options}
              </div>
            );
          })}
        </div>
        {none && <span class="hint">{none}</span>}
        {found.length > SHOWN && (
          <span class="hint">{found.length - SHOWN} more. Write to narrow them down.</span>
        )}
      </span>
    </span>
  );
}

interface Group {
  readonly name: string | undefined;
  /** The place of its first choice among all. */
  readonly from: number;
  readonly choices: readonly Choice[];
}

function groupsOf(choices: readonly Choice[]): Group[] {
  const starts = choices.flatMap(({ group }, index) =>
    index === 0 || group !== choices[index - 1]?.group ? [index] : [],
  );
  return starts.map((from, index) => {
    const own = choices.slice(from, starts[index + 1]);
    return { name: own[0]?.group, from, choices: own };
  });
}

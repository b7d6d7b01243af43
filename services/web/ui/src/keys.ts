// The keyboard: one table of keys, actions and help. Pure.

export const ACTIONS = {
  down: ["j ArrowDown", "Next line"],
  up: ["k ArrowUp", "Previous line"],
  "extend-down": ["Shift+ArrowDown", "Extend the range down"],
  "extend-up": ["Shift+ArrowUp", "Extend the range up"],
  choose: ["Enter", "Mark this line; fold or open this group"],
  "page-down": ["Space PageDown", "Page down"],
  "page-up": ["b Shift+Space PageUp", "Page up"],
  "half-down": ["d", "Half a page down"],
  "half-up": ["u", "Half a page up"],
  first: ["gg Home", "First line"],
  last: ["G End", "Go to the end and follow"],
  follow: ["f", "Follow or pause"],
  find: ["/ Ctrl+f Meta+f", "Find"],
  only: ["m", "Show only the lines with hits, or all"],
  "next-hit": ["n", "Next hit"],
  "previous-hit": ["N", "Previous hit"],
  "next-error": ["e", "Next error"],
  "previous-error": ["E", "Previous error"],
  "previous-group": ["[", "Previous group"],
  "next-group": ["]", "Next group"],
  fold: ["o", "Fold or open this group"],
  "fold-all": ["O", "Fold or open all groups"],
  wrap: ["w", "Wrap long lines"],
  time: ["t", "Times: off, clock, since the start, since the line before"],
  full: ["z", "Show only the log"],
  "go-to": [": l", "Go to a line"],
  fields: ["v", "Fields of a line that is a JSON object"],
  "copy-link": ["y", "Copy the link to the line or range"],
  "copy-text": ["Y", "Copy the text of the line or range"],
  "select-all": ["Ctrl+a Meta+a", "Select all lines"],
  back: ["h", "Back to the runs"],
  help: ["?", "Show this help"],
  escape: ["Escape", "Close, or clear the selection"],
} as const satisfies Record<string, readonly [keys: string, help: string]>;

export type Action = keyof typeof ACTIONS;

const BY_KEY = new Map<string, Action>();
for (const [action, [keys]] of Object.entries(ACTIONS)) {
  for (const key of keys.split(" ")) BY_KEY.set(key, action as Action);
}

/** What a key press says, as far as this table needs to know. */
export interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

function nameOf(press: Press): string {
  const key = press.key === " " ? "Space" : press.key;
  if (press.ctrlKey) return `Ctrl+${key.toLowerCase()}`;
  if (press.metaKey) return `Meta+${key.toLowerCase()}`;
  // A shifted letter is another letter; a shifted named key is the key with Shift.
  return press.shiftKey && key.length > 1 ? `Shift+${key}` : key;
}

const SEQUENCE_MS = 800;

export class Keyboard {
  /** Single letters and signs can be switched off (WCAG 2.1.4). */
  single = true;
  #pending = "";
  #at = 0;

  /** The action a press asks for, or null. */
  action(press: Press, now: number): Action | null {
    const name = nameOf(press);
    const before = now - this.#at < SEQUENCE_MS ? this.#pending : "";
    this.#pending = "";
    if (press.altKey) return null;
    if (name.length === 1 && !this.single) return null;
    if (name === "g" && before !== "g") {
      this.#pending = "g";
      this.#at = now;
      return null;
    }
    return BY_KEY.get(before + name) ?? BY_KEY.get(name) ?? null;
  }
}

// "Tell me at the end": a switch for one run, while it has not ended.

import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Run } from "../api";
import { Icon } from "../design/icon";
import { isOver } from "../words";
import { Ends } from "./ends";
import { askPermission, promiseWords, tellEnd } from "./notice";
import { isWanted, setWanted } from "./told";

/** Long enough to be read. */
const SAID_MS = 8_000;

interface Props {
  readonly run: Run;
  /** An icon alone. */
  readonly small?: boolean;
  /** Bring the run into sight, after a click on the notification. */
  readonly show: () => void;
}

export function TellMe({ run, small = false, show }: Props) {
  const on = useSignal(isWanted(run.id));
  const said = useSignal("");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const ends = useMemo(() => new Ends(), []);
  const over = isOver(run);

  // At once, and not with the next frame: a tab that is not in sight has none.
  useLayoutEffect(() => {
    // Another tab may have changed whether it is wanted.
    for (const ended of ends.look([run])) tellEnd(ended, show);
    if (!over) return;
    on.value = false;
    setWanted(run.id, false);
  }, [over]);

  useLayoutEffect(() => () => clearTimeout(timer.current), []);

  function say(words: string): void {
    said.value = words;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      said.value = "";
    }, SAID_MS);
  }

  async function press(): Promise<void> {
    on.value = !on.peek();
    setWanted(run.id, on.peek());
    if (on.peek()) say(promiseWords(await askPermission()));
    else say("");
  }

  if (over) return null;
  const words = "Tell me at the end";
  return (
    <>
      <button
        type="button"
        class={small ? "quiet square" : "quiet"}
        aria-pressed={on.value}
        aria-label={small ? words : undefined}
        title={on.value ? "You will be told when this run ends. Click to change that" : words}
        onClick={() => void press()}
      >
        <Icon name={on.value ? "told" : "tell"} />
        {!small && <span class="word">{words}</span>}
      </button>
      <span class={said.value ? "promise toast" : "unseen"} role="status">
        {said.value}
      </span>
    </>
  );
}

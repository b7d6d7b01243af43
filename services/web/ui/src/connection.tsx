// The connection in words, always visible.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { sanitize } from "./sanitize";
import { connectionWords, STORE_AWAY, stands, type Tail } from "./socket";

interface Props {
  readonly tail: Tail;
  readonly words?: string;
  /** Nothing more will come, so there is nothing to try. */
  readonly over?: boolean;
}

export function ConnectionChip({ tail, words, over = false }: Props) {
  const now = useSignal(Date.now());
  useEffect(() => {
    const tick = setInterval(() => {
      now.value = Date.now();
    }, 500);
    return () => clearInterval(tick);
  }, []);
  const connection = tail.connection.value;
  const away = connection.state === "connected" && !over && !tail.storeAnswers.value;
  const text = away ? STORE_AWAY : (words ?? connectionWords(connection, now.value));
  const waiting = !over && (connection.state === "lost" || connection.state === "moving");
  const reached = stands(connection) ? "connected" : connection.state;
  const shown = over ? "over" : reached;
  return (
    <p class={`connection ${shown}`} role="status">
      <span class="dot" aria-hidden="true" />
      <span>{sanitize(text)}</span>
      {waiting && (
        <button type="button" onClick={() => tail.tryNow()}>
          Try now
        </button>
      )}
    </p>
  );
}

// The connection in words, always visible.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { foreign } from "./foreign";
import { connectionWords, type Tail } from "./socket";

export function ConnectionChip({ tail, words }: { tail: Tail; words?: string }) {
  const now = useSignal(Date.now());
  useEffect(() => {
    const tick = setInterval(() => {
      now.value = Date.now();
    }, 500);
    return () => clearInterval(tick);
  }, []);
  const connection = tail.connection.value;
  const waiting = connection.state === "lost" || connection.state === "moving";
  return (
    <p class={`connection ${connection.state}`} role="status">
      <span class="dot" aria-hidden="true">
        {connection.state === "connected" ? "●" : "○"}
      </span>{" "}
      {foreign(words ?? connectionWords(connection, now.value))}
      {waiting && (
        <button type="button" onClick={() => tail.tryNow()}>
          Try now
        </button>
      )}
    </p>
  );
}

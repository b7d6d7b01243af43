// Where the page came through `kubectl port-forward`: when that ends, say which command to run again.

import { useSignal, useSignalEffect } from "@preact/signals";
import { here } from "./address";
import { copyText } from "./clipboard";
import { sanitize } from "./sanitize";
import type { Tail } from "./socket";

const PROBE_MS = 1_000;
const PROBE_WITHIN_MS = 5_000;
/** A server that is replaced is back sooner. */
const UNREACHABLE_MS = 3_000;

/** Addresses of this computer alone: behind one is a server here, or what forwards to it. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** The command for a page on this port; an empty port is http's own. */
export function commandFor(setting: string, port: string): string {
  return sanitize(setting.replaceAll("{port}", port || "80"));
}

function command(): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="runtail-port-forward"]');
  return meta && isLoopback(location.hostname) ? commandFor(meta.content, location.port) : "";
}

/** Whether the web service is reached, whatever it says. */
async function isReached(): Promise<boolean> {
  try {
    await fetch(here("/api/v1/config"), {
      cache: "no-store",
      signal: AbortSignal.timeout(PROBE_WITHIN_MS),
    });
    return true;
  } catch {
    return false;
  }
}

export function PortForwardNote({ tail }: { tail: Tail }) {
  const again = command();
  return again ? <Note tail={tail} again={again} /> : null;
}

function Note({ tail, again }: { tail: Tail; again: string }) {
  const lost = useSignal(false);
  const copied = useSignal(false);

  useSignalEffect(() => {
    if (tail.connection.value.state === "connected") {
      lost.value = false;
      return;
    }
    // The relay may be gone alone: the page's own server tells whether anything gets through.
    let since = 0;
    let asking = false;
    const probe = setInterval(async () => {
      if (asking) return;
      asking = true;
      const began = Date.now();
      const reached = await isReached();
      asking = false;
      if (stopped) return;
      if (!reached) {
        since ||= began;
        if (Date.now() - since >= UNREACHABLE_MS) lost.value = true;
      } else if (lost.peek()) {
        lost.value = false;
        copied.value = false;
        tail.tryNow();
      } else {
        since = 0;
      }
    }, PROBE_MS);
    let stopped = false;
    return () => {
      stopped = true;
      clearInterval(probe);
    };
  });

  return (
    <div class="forward" role="status">
      {lost.value && (
        <p class="note">
          The server cannot be reached. If your port-forward has ended, run it again, and this page
          continues where it was: <code>{again}</code>{" "}
          <button
            type="button"
            onClick={async () => {
              copied.value = await copyText(again);
            }}
          >
            {copied.value ? "Copied" : "Copy"}
          </button>
        </p>
      )}
    </div>
  );
}

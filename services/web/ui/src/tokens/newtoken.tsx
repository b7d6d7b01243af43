// A token that was just made: the only time that it is shown.

import { useEffect, useRef } from "preact/hooks";
import { here } from "../address";
import type { NewToken } from "../api";
import { Copy } from "../copy";
import { sanitize } from "../sanitize";
import { curlLine } from "./words";

export function NewTokenNote({ token, close }: { token: NewToken; close: () => void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const curl = curlLine(location.origin, here("/api/v1/runs"));
  // Who cannot see it must hear that it is there.
  useEffect(() => heading.current?.focus(), [token.id]);
  return (
    <section class="new-token card" aria-labelledby="new-token">
      <h2 id="new-token" ref={heading} tabIndex={-1}>
        The token <span class="id">{sanitize(token.name)}</span>
      </h2>
      <p>Copy it now: it is not shown again.</p>
      <p class="line">
        <code class="secret">{sanitize(token.token)}</code>
        <Copy text={token.token} what="the token" />
      </p>
      <p>Programs and the command line read it from RUNTAIL_TOKEN. With that set, this works:</p>
      <p class="line">
        <code>{sanitize(curl)}</code>
        <Copy text={curl} what="the command" />
      </p>
      <button type="button" onClick={close}>
        I have copied it
      </button>
    </section>
  );
}

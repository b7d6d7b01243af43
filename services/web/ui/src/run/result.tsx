// What the task returned, as JSON that can be read. The server keeps a bounded part of it, without secrets.

import type { Run } from "../api";
import { Copy } from "../copy";
import { sanitize } from "../sanitize";

export function Result({ result }: { result: Run["result"] }) {
  // A web service of an earlier version, which an open page may talk to after a rollback, sends none at all.
  if (!result) return null;
  const text =
    typeof result.value === "string" ? result.value : JSON.stringify(result.value, null, 2);
  return (
    <section aria-label="Result" class="result">
      <h2>Result</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>{sanitize(text)}</pre>
      <p class="tools">
        <Copy text={text} what="the result" />
        {result.cut && <span class="hint">Only its beginning was kept.</span>}
      </p>
    </section>
  );
}

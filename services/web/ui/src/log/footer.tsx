// Below the log: the proof, the selection, the way to the end.

import { downloadAddress } from "../api";
import { withCommas } from "../numbers";
import type { LogController } from "./controller";
import { linesHash } from "./model/links";

export function LogFooter({ log, runId }: { log: LogController; runId: string }) {
  const { follow, model, list, selection } = log;
  const marked = model.marked.value;
  const verdict = follow.verdict.value;
  const over = follow.phase.value.name === "over";
  const notice = selection.notice.value || log.notice.value;
  return (
    <>
      {!list.following.value && (
        <div class="afloat">
          <button type="button" class="follow" onClick={() => list.toEnd()}>
            {followWords(model.newLines.value, over)}
          </button>
        </div>
      )}
      {marked && (
        <p class="marking">
          {log.awaited.value > 0
            ? `Line ${withCommas(log.awaited.value)} is not written yet.`
            : `Line${marked.first === marked.last ? "" : "s"} ${linesHash(marked).slice(2).replace("L", "")}`}
          <button type="button" title="y" onClick={() => log.act("copy-link")}>
            Copy link
          </button>
          <button type="button" title="Y" onClick={() => log.act("copy-text")}>
            Copy text
          </button>
          <button type="button" aria-label="Clear" title="Escape" onClick={() => log.mark(null)}>
            ✕
          </button>
        </p>
      )}
      {notice && (
        <p class="said">
          {notice}{" "}
          {selection.all.value && (
            <a href={downloadAddress(runId)} download={`${runId}.log`}>
              Download
            </a>
          )}
          <button
            type="button"
            aria-label="Clear"
            onClick={() => {
              selection.notice.value = "";
              log.notice.value = "";
            }}
          >
            ✕
          </button>
        </p>
      )}
      {verdict && (
        <p class={verdict.verified ? "verdict ok" : "verdict bad"} role="status">
          <span aria-hidden="true">{verdict.verified ? "✓" : "⚠"}</span> {verdict.text}
          {!verdict.verified && ". Please report this."}
        </p>
      )}
      {verdict?.verified && verdict.from > 1 && <VerifyAll log={log} />}
    </>
  );
}

function VerifyAll({ log }: { log: LogController }) {
  return (
    <p class="verify">
      {log.verifying.value ? (
        <button
          type="button"
          onClick={() => {
            log.verifying.value = false;
          }}
        >
          Verifying… Stop
        </button>
      ) : (
        <button type="button" onClick={() => void log.verifyAll()}>
          Verify all
        </button>
      )}
    </p>
  );
}

function followWords(unseen: number, over: boolean): string {
  const word = over ? "To the end" : "Follow";
  return unseen > 0 ? `${word} · ${withCommas(unseen)} new lines` : word;
}

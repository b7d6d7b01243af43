// Below the log: the proof, the selection, the way to the end.

import type { ComponentChildren } from "preact";
import { downloadAddress } from "../api";
import { Icon } from "../design/icon";
import { SquareButton } from "../design/squarebutton";
import { withCommas } from "../numbers";
import type { LogController } from "./controller";
import { Fields } from "./fields";
import { type LineRange, linesHash } from "./model/links";

interface Props {
  readonly log: LogController;
  readonly runId: string;
  /** Share lines with a guest; null if the reader may not. */
  readonly share: ((lines: LineRange) => void) | null;
  /** What the page says at the end of the line. */
  readonly children?: ComponentChildren;
}

export function LogFooter({ log, runId, share, children }: Props) {
  const { follow, model, list, selection } = log;
  const marked = model.marked.value;
  const verdict = follow.verdict.value;
  const unseen = model.newLines.value;
  const over = follow.phase.value.name === "over";
  const notice = selection.notice.value || log.notice.value;
  return (
    <>
      <div class="afloat">
        {notice && (
          <p class="said toast">
            <span>
              {notice}{" "}
              {selection.all.value && (
                <a href={downloadAddress(runId)} download={`${runId}.log`}>
                  Download
                </a>
              )}
            </span>
            <SquareButton
              icon="close"
              label="Clear"
              press={() => {
                selection.notice.value = "";
                log.notice.value = "";
              }}
            />
          </p>
        )}
        {!list.following.value && (
          <button
            type="button"
            class={over && unseen === 0 ? "follow end" : "follow"}
            onClick={() => list.toEnd()}
          >
            <Icon name="follow" />
            {followWords(unseen, over)}
          </button>
        )}
      </div>
      <Fields log={log} />
      <footer class="status">
        {verdict && (
          <p class={verdict.verified ? "verdict ok" : "verdict bad"} role="status">
            <Icon name={verdict.verified ? "succeeded" : "warning"} />
            <span>
              {verdict.text}
              {!verdict.verified && ". Please report this."}
            </span>
          </p>
        )}
        {!verdict && <SoFar log={log} />}
        {verdict?.verified && verdict.from > 1 && <VerifyAll log={log} />}
        {marked && (
          <p class="marking">
            <span>
              {log.awaited.value > 0
                ? `Line ${withCommas(log.awaited.value)} is not written yet.`
                : `Line${marked.first === marked.last ? "" : "s"} ${linesHash(marked).slice(2).replace("L", "")}`}
            </span>
            <button type="button" title="y" onClick={() => log.act("copy-link")}>
              Copy link
            </button>
            <button type="button" title="Y" onClick={() => log.act("copy-text")}>
              Copy text
            </button>
            {share && log.awaited.value === 0 && (
              <button type="button" onClick={() => share(marked)}>
                Share…
              </button>
            )}
            <SquareButton icon="close" label="Clear" title="Escape" press={() => log.mark(null)} />
          </p>
        )}
        {children}
      </footer>
    </>
  );
}

/** What is proved while the end is not there yet: each line follows the one before it. Drawn by itself, as often as it grows. */
function SoFar({ log }: { log: LogController }) {
  const { from, next } = log.follow.range.value;
  const lines = next - 1;
  if (lines === 0) return log.follow.phase.value.name === "live" ? <p>No lines yet</p> : null;
  return (
    <p class="so-far">
      <Icon name="succeeded" />
      <span>
        {withCommas(lines)} line{lines === 1 ? "" : "s"} so far,{" "}
        {from > 1 ? `verified from line ${withCommas(from)}` : "all verified"}
      </span>
    </p>
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

// Above the log: finding, and how it is shown. Below: the proof, the selection, the way to the end.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { downloadAddress } from "../api";
import { grouped } from "../protocol/view";
import { linesHash } from "./links";
import type { LogView } from "./view";

export function LogBar({ log }: { log: LogView }) {
  const mode = log.screen.timeMode.value;
  void log.screen.outline.value;
  const groups = log.screen.groups.all.length;
  return (
    <div class="bar" role="toolbar" aria-label="Log">
      {log.find.open.value ? (
        <FindBar log={log} />
      ) : (
        <button type="button" title="Find (/)" onClick={() => log.openFind()}>
          <span aria-hidden="true">⌕</span> <span class="word">Find</span>
        </button>
      )}
      {log.going.value && <GoTo log={log} />}
      <span class="gap" />
      <button
        type="button"
        aria-pressed={log.wrap.value}
        title="Wrap long lines (w)"
        onClick={() => log.setWrap(!log.wrap.value)}
      >
        <span aria-hidden="true">↵</span> <span class="word">Wrap</span>
      </button>
      <button type="button" title="Times (t)" onClick={() => log.nextTime()}>
        <span aria-hidden="true">◷</span>{" "}
        <span class="word">{mode === "off" ? "Times" : `Times: ${mode}`}</span>
      </button>
      {groups > 0 && (
        <button type="button" title="Fold or open all (O)" onClick={() => log.act("fold-all")}>
          <span aria-hidden="true">▤</span> <span class="word">Groups</span>
        </button>
      )}
      <button
        type="button"
        aria-pressed={log.list.following.value}
        title="Follow the end (f)"
        onClick={() => log.act("follow")}
      >
        <span aria-hidden="true">{log.list.following.value ? "●" : "○"}</span>{" "}
        <span class="word">Follow</span>
      </button>
      <button
        type="button"
        aria-label="Keys and help"
        title="Keys (?)"
        onClick={() => log.act("help")}
      >
        ?
      </button>
    </div>
  );
}

function FindBar({ log }: { log: LogView }) {
  const { find } = log;
  const regex = useSignal(find.query.regex);
  const caseful = useSignal(find.query.caseful);
  const text = useSignal(find.query.text);
  const typing = useRef<ReturnType<typeof setTimeout>>(undefined);
  function look(wait = 0): void {
    clearTimeout(typing.current);
    typing.current = setTimeout(
      () => find.start({ text: text.value, regex: regex.value, caseful: caseful.value }),
      wait,
    );
  }
  useEffect(() => {
    if (text.value) look();
    return () => clearTimeout(typing.current);
  }, []);
  return (
    <search class="find">
      <input
        type="search"
        aria-label="Find in the log"
        placeholder="Find"
        value={text.value}
        aria-invalid={find.bad.value !== ""}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          look(120);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          find.step(!event.shiftKey);
        }}
      />
      <label title="Regular expression">
        <input
          type="checkbox"
          checked={regex.value}
          onChange={(event) => {
            regex.value = event.currentTarget.checked;
            look();
          }}
        />
        .*
      </label>
      <label title="Upper and lower case differ">
        <input
          type="checkbox"
          checked={caseful.value}
          onChange={(event) => {
            caseful.value = event.currentTarget.checked;
            look();
          }}
        />
        Aa
      </label>
      <button type="button" aria-label="Hit before" title="N" onClick={() => find.step(false)}>
        ↑
      </button>
      <button type="button" aria-label="Next hit" title="n" onClick={() => find.step(true)}>
        ↓
      </button>
      <span class="found" role="status">
        {[find.bad.value || find.words.value, find.trouble.value].filter(Boolean).join(" · ")}
      </span>
      {find.left.value > 0 && !find.busy.value && !find.bad.value && (
        <button type="button" onClick={() => void find.rest()}>
          Search the other {grouped(find.left.value)} lines
        </button>
      )}
      <button
        type="button"
        aria-label="Close"
        title="Escape"
        onClick={() => {
          find.close();
        }}
      >
        ✕
      </button>
    </search>
  );
}

function GoTo({ log }: { log: LogView }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return (
    <form
      class="go"
      onSubmit={(event) => {
        event.preventDefault();
        const line = Number(input.current?.value);
        log.going.value = false;
        if (line >= 1) log.goTo({ first: Math.floor(line), last: Math.floor(line) });
      }}
    >
      <label>
        Line{" "}
        <input
          ref={input}
          type="number"
          min={1}
          onBlur={() => {
            log.going.value = false;
          }}
          onKeyDown={(event) => {
            if (event.key === "Escape") log.going.value = false;
          }}
        />
      </label>
    </form>
  );
}

export function LogFoot({ log, runId }: { log: LogView; runId: string }) {
  const { follow, screen, list, selecting } = log;
  const marked = screen.marked.value;
  const verdict = follow.verdict.value;
  const over = follow.phase.value.name === "over";
  const said = selecting.said.value || log.said.value;
  return (
    <>
      {!list.following.value && (
        <div class="afloat">
          <button type="button" class="follow" onClick={() => list.toEnd()}>
            {followWords(screen.unseen.value, over)}
          </button>
        </div>
      )}
      {marked && (
        <p class="marking">
          {log.awaited.value > 0
            ? `Line ${grouped(log.awaited.value)} is not written yet.`
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
      {said && (
        <p class="said">
          {said}{" "}
          {selecting.all.value && (
            <a href={downloadAddress(runId)} download={`${runId}.log`}>
              Download
            </a>
          )}
          <button
            type="button"
            aria-label="Clear"
            onClick={() => {
              selecting.said.value = "";
              log.said.value = "";
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

function VerifyAll({ log }: { log: LogView }) {
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
  return unseen > 0 ? `${word} · ${grouped(unseen)} new lines` : word;
}

// Above the log: finding, and how it is shown.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { withCommas } from "../numbers";
import type { LogController } from "./controller";

export function LogToolbar({ log }: { log: LogController }) {
  const mode = log.model.timeMode.value;
  void log.model.outlineChanges.value;
  const groups = log.model.groups.all.length;
  return (
    <div class="bar" role="toolbar" aria-label="Log">
      {log.find.open.value ? (
        <FindBar log={log} />
      ) : (
        <button type="button" title="Find (/)" onClick={() => log.openFind()}>
          <span aria-hidden="true">⌕</span> <span class="word">Find</span>
        </button>
      )}
      {log.goToOpen.value && <GoTo log={log} />}
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
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
        onClick={() => log.act("help")}
      >
        ?
      </button>
    </div>
  );
}

function FindBar({ log }: { log: LogController }) {
  const { find } = log;
  const regex = useSignal(find.query.regex);
  const matchCase = useSignal(find.query.matchCase);
  const text = useSignal(find.query.text);
  const typing = useRef<ReturnType<typeof setTimeout>>(undefined);
  function look(wait = 0): void {
    clearTimeout(typing.current);
    typing.current = setTimeout(
      () => find.start({ text: text.value, regex: regex.value, matchCase: matchCase.value }),
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
        aria-invalid={find.invalid.value !== ""}
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
      <label title="Match case">
        <input
          type="checkbox"
          checked={matchCase.value}
          onChange={(event) => {
            matchCase.value = event.currentTarget.checked;
            look();
          }}
        />
        Aa
      </label>
      <button type="button" aria-label="Previous hit" title="N" onClick={() => find.step(false)}>
        ↑
      </button>
      <button type="button" aria-label="Next hit" title="n" onClick={() => find.step(true)}>
        ↓
      </button>
      <span class="found" role="status">
        {[find.invalid.value || find.summary.value, find.serverError.value]
          .filter(Boolean)
          .join(" · ")}
      </span>
      {find.unsearched.value > 0 && !find.busy.value && !find.invalid.value && (
        <button type="button" onClick={() => void find.rest()}>
          Search the other {withCommas(find.unsearched.value)} lines
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

function GoTo({ log }: { log: LogController }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return (
    <form
      class="go"
      onSubmit={(event) => {
        event.preventDefault();
        const line = Number(input.current?.value);
        log.goToOpen.value = false;
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
            log.goToOpen.value = false;
          }}
          onKeyDown={(event) => {
            if (event.key === "Escape") log.goToOpen.value = false;
          }}
        />
      </label>
    </form>
  );
}

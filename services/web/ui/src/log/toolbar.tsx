// Above the log: finding, and how it is shown.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../design/icon";
import { Select } from "../design/select";
import { SquareButton } from "../design/squarebutton";
import { withCommas } from "../numbers";
import type { LogController } from "./controller";
import type { Kind } from "./tools/find";

export function LogToolbar({ log }: { log: LogController }) {
  const mode = log.model.timeMode.value;
  void log.model.outlineChanges.value;
  const groups = log.model.groups.all.length > 0;
  const foldable = groups || log.model.frames.all.length > 0;
  const over = log.follow.phase.value.name === "over";
  return (
    <div class="bar" role="toolbar" aria-label="Log">
      {log.find.open.value ? (
        <FindBar log={log} />
      ) : (
        <button type="button" class="seek" title="Find (/)" onClick={() => log.openFind()}>
          <Icon name="find" />
          Find
          <span class="key" aria-hidden="true">
            /
          </span>
        </button>
      )}
      {log.goToOpen.value && <GoTo log={log} />}
      <span class="gap" />
      <button
        type="button"
        class="quiet"
        aria-pressed={log.wrap.value}
        title="Wrap long lines (w)"
        onClick={() => log.setWrap(!log.wrap.value)}
      >
        <Icon name="wrap" />
        <span class="word">Wrap</span>
      </button>
      <button type="button" class="quiet" title="Times (t)" onClick={() => log.nextTime()}>
        <Icon name="times" />
        <span class="word">{mode === "off" ? "Times" : `Times: ${mode}`}</span>
      </button>
      {foldable && (
        <button
          type="button"
          class="quiet"
          title="Fold or open all (O)"
          onClick={() => log.act("fold-all")}
        >
          <Icon name="sections" />
          <span class="word">{groups ? "Groups" : "Frames"}</span>
        </button>
      )}
      {over ? (
        <button
          type="button"
          class="quiet"
          title="Go to the end (G)"
          onClick={() => log.act("last")}
        >
          <Icon name="follow" />
          <span class="word">End</span>
        </button>
      ) : (
        <Following log={log} />
      )}
      <SquareButton
        icon="help"
        label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
        press={() => log.act("help")}
      />
    </div>
  );
}

/** Says what it does now, and on hovering what a click changes. */
function Following({ log }: { log: LogController }) {
  const on = log.list.following.value;
  return (
    <button
      type="button"
      class="quiet"
      aria-pressed={on}
      title={on ? "New lines scroll into view. Stay here (f)" : "Go to the end, and stay there (f)"}
      onClick={() => log.act("follow")}
    >
      <Icon name="follow" />
      <span class="word">{on ? "Following" : "Follow"}</span>
    </button>
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
    if (text.value || find.kind.value !== "text") look();
    return () => clearTimeout(typing.current);
  }, []);
  const kind = find.kind.value;
  const found = [find.invalid.value || find.summary.value, find.serverError.value]
    .filter(Boolean)
    .join(" · ");
  return (
    <search class="find">
      <Select
        aria-label="What to find"
        value={kind}
        onChange={(event) => find.choose(event.currentTarget.value as Kind)}
      >
        <option value="text">Text</option>
        <option value="error">Errors</option>
        <option value="error warning">Errors, warnings</option>
      </Select>
      {kind === "text" && (
        <>
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
        </>
      )}
      <SquareButton icon="previous" label="Previous hit" title="N" press={() => find.step(false)} />
      <SquareButton icon="next" label="Next hit" title="n" press={() => find.step(true)} />
      <button
        type="button"
        class="quiet"
        aria-pressed={find.only.value}
        title="Show only lines with hits (m)"
        onClick={() => find.showOnly(!find.only.value)}
      >
        <Icon name="filter" />
        <span class="word">Only these</span>
      </button>
      <span class="found" role="status" title={found}>
        {found}
      </span>
      {find.unsearched.value > 0 && !find.busy.value && !find.invalid.value && (
        <button type="button" onClick={() => void find.rest()}>
          Search the other {withCommas(find.unsearched.value)} lines
        </button>
      )}
      <SquareButton
        icon="close"
        label="Close"
        title="Escape"
        press={() => {
          find.close();
        }}
      />
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

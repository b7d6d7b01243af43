// Sharing lines of a run with somebody without a login: make a link, see the run's links, revoke them.

import { signal, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { hasLogin } from "../address";
import {
  downloadAddress,
  shares as listShares,
  makeShare,
  type NewShare,
  type Run,
  revokeShare,
  type Share,
  type Wanted,
} from "../api";
import { Copy } from "../copy";
import { Summary } from "../design/summary";
import type { LineRange } from "../log/model/links";
import { withCommas } from "../numbers";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { lacks, who } from "../who";
import { isOver } from "../words";
import { curlWords, rangeWords, shareWords } from "./words";

/** The lines that somebody wants to share; `all`: none in particular; null: the dialog is closed. */
const wanted = signal<LineRange | "all" | null>(null);

/** Ask how to share some lines. */
export function share(lines: LineRange | null): void {
  wanted.value = lines ?? "all";
}

/** Whether links can be made here, by who is looking. */
export function canShare(): boolean {
  return hasLogin() && who.value !== null && !lacks("share:create") && !lacks("log:read");
}

/** What a link may be made for; the first one is what the server is set to. */
const TIMES = [
  ["", "the usual time"],
  ["3600", "1 hour"],
  ["86400", "1 day"],
  ["604800", "7 days"],
] as const;

export function ShareDialog({ run }: { run: Run }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useSignalEffect(() => {
    const element = dialog.current;
    if (wanted.value !== null && element && !element.open) element.showModal();
  });
  return (
    <dialog
      ref={dialog}
      class="share"
      aria-labelledby="share-title"
      onClose={() => {
        wanted.value = null;
      }}
    >
      <h2 id="share-title">Share with a guest</h2>
      {wanted.value !== null && <Content run={run} lines={wanted.value} />}
      <div class="tools">
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}

function Content({ run, lines }: { run: Run; lines: LineRange | "all" }) {
  const known = useSignal<readonly Share[]>([]);
  const made = useSignal<NewShare | null>(null);
  const problem = useSignal<Error | null>(null);
  const busy = useSignal(false);

  async function attempt(what: () => Promise<void>): Promise<void> {
    busy.value = true;
    problem.value = null;
    try {
      await what();
    } catch (error) {
      problem.value = error as Error;
    }
    busy.value = false;
  }
  const fetchList = async () => {
    known.value = (await listShares(run.id)).shares;
  };
  useSignalEffect(() => {
    void attempt(fetchList);
  });

  return (
    <>
      <p>Whoever has the link reads these lines without a login, and nothing else of the run.</p>
      {made.value ? (
        <Made share={made.value} />
      ) : (
        <Form
          run={run}
          lines={lines}
          busy={busy.value}
          make={(asked) =>
            void attempt(async () => {
              made.value = await makeShare(run.id, asked);
              await fetchList();
            })
          }
        />
      )}
      {problem.value && <ProblemNote problem={problem.value} />}
      {known.value.length > 0 && (
        <>
          <h3>Links to this run</h3>
          <ul class="shares">
            {known.value.map((one) => (
              <li key={one.id} class={one.works ? "" : "dead"}>
                <span>{sanitize(shareWords(one))}</span>
                {one.revocable && (
                  <button
                    type="button"
                    disabled={busy.value}
                    aria-label={`Revoke the link to ${rangeWords(one)}`}
                    onClick={() =>
                      void attempt(async () => {
                        await revokeShare(one.id);
                        if (made.value?.id === one.id) made.value = null;
                        await fetchList();
                      })
                    }
                  >
                    Revoke
                  </button>
                )}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

interface FormProps {
  readonly run: Run;
  readonly lines: LineRange | "all";
  readonly busy: boolean;
  readonly make: (wanted: Wanted) => void;
}

function Form({ run, lines, busy, make }: FormProps) {
  const some = lines === "all" ? null : lines;
  const live = !isOver(run);
  const what = useSignal<"some" | "now" | "live">(some ? "some" : "now");
  const seconds = useSignal("");
  function submit(event: Event): void {
    event.preventDefault();
    const range =
      what.value === "some" && some
        ? { from: some.first, to: some.last }
        : { from: 1, ...(what.value === "live" ? { live: true } : {}) };
    make({ ...range, ...(seconds.value ? { seconds: Number(seconds.value) } : {}) });
  }
  const choices = [
    ...(some ? ([["some", rangeWords({ from: some.first, to: some.last })]] as const) : []),
    ["now", live ? `the ${withCommas(run.lines)} lines of now` : "all lines"] as const,
    ...(live ? ([["live", "all lines, and what follows"]] as const) : []),
  ];
  return (
    <form onSubmit={submit}>
      <fieldset class="choices">
        <legend>What</legend>
        {choices.map(([value, label]) => (
          <label key={value}>
            <input
              type="radio"
              name="what"
              checked={what.value === value}
              onChange={() => {
                what.value = value;
              }}
            />{" "}
            {label}
          </label>
        ))}
      </fieldset>
      <label>
        For{" "}
        <select
          value={seconds.value}
          onChange={(event) => {
            seconds.value = event.currentTarget.value;
          }}
        >
          {TIMES.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <div class="tools">
        <button type="submit" class="primary" disabled={busy}>
          Make a link
        </button>
      </div>
    </form>
  );
}

function Made({ share: made }: { share: NewShare }) {
  const link = new URL(made.address, location.origin).href;
  const curl = curlWords(location.origin, downloadAddress(made.run));
  return (
    <section class="made" aria-label="The new link">
      <p role="status">The link to {rangeWords(made)}. Copy it now: it is not shown again.</p>
      <p class="line">
        <code class="secret">{sanitize(link)}</code>
        <Copy text={link} what="the link" />
      </p>
      <details>
        <Summary>For programs</Summary>
        <p class="line">
          <code class="secret">{sanitize(made.token)}</code>
          <Copy text={made.token} what="the token" />
        </p>
        <p class="line">
          <code>{sanitize(curl)}</code>
          <Copy text={curl} what="the command" />
        </p>
      </details>
    </section>
  );
}

// The page of a share link: some lines of one run, for somebody without a login.

import "../log/drawing/log.css";
import "../log/drawing/rows.css";
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { runAddress } from "../address";
import { downloadAddress, type OpenedShare, openShare, textAddress } from "../api";
import { Mark } from "../design/icon";
import { DARK, LIGHT } from "../log/drawing/palette";
import { linesHash } from "../log/model/links";
import { withCommas } from "../numbers";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { connectionWords, socketAddress, Tail } from "../socket";
import { dark } from "../theme";
import { ThemeSwitch } from "../top";
import { SharedLines } from "./lines";
import { SharedReading, WINDOW_LINES } from "./reading";
import { guestWords } from "./words";

export function GuestPage({ shareId, secret }: { shareId: string; secret: string }) {
  const share = useSignal<OpenedShare | null>(null);
  const problem = useSignal<Error | null>(null);

  async function open(): Promise<void> {
    problem.value = null;
    try {
      if (!secret) throw new Error("The link is not whole: what follows the # is missing.");
      const opened = await openShare(shareId, secret);
      if (opened.whole) {
        const last = opened.to ?? opened.from;
        location.replace(runAddress(opened.run) + linesHash({ first: opened.from, last }));
      } else share.value = opened;
    } catch (error) {
      problem.value = error as Error;
    }
  }

  useEffect(() => {
    void open();
    // Another link was put into the address bar.
    window.addEventListener("hashchange", () => location.reload());
  }, []);

  const shown = share.value;
  return (
    <main class="page guest">
      <header class="top">
        <span class="brand">
          <Mark />
          Runtail
        </span>
        <span class="place">shared with you</span>
        <ThemeSwitch />
      </header>
      {!shown && <h1 class="unseen">Shared with you</h1>}
      {problem.value && <ProblemNote problem={problem.value} retry={() => void open()} />}
      {shown && <Shared share={shown} />}
    </main>
  );
}

function Shared({ share }: { share: OpenedShare }) {
  const into = useRef<HTMLDivElement>(null);
  const lines = useSignal<SharedLines | null>(null);
  const reading = useSignal<SharedReading | null>(null);
  const tail = useSignal<Tail | null>(null);
  const now = useSignal(Date.now());

  useEffect(() => {
    if (!into.current) return;
    document.title = `${sanitize(share.task)} · shared · Runtail`;
    lines.value = new SharedLines(into.current, share.from, dark.peek() ? DARK : LIGHT);
    reading.value = new SharedReading(share, lines.value);
    tail.value = share.live ? new Tail(socketAddress()) : null;
    void reading.value.read(tail.value, share.live ? -WINDOW_LINES : share.from);
    const tick = setInterval(() => {
      now.value = Date.now();
    }, 1_000);
    return () => clearInterval(tick);
  }, []);

  useSignalEffect(() => {
    lines.value?.paint(dark.value ? DARK : LIGHT);
  });

  const state = reading.value?.state.value;
  const connection = tail.value?.connection.value;
  const away = state?.name === "live" && connection && connection.state !== "connected";
  return (
    <>
      <section class="about" aria-label="About these lines">
        <h1>
          <span class="task">{sanitize(share.task)}</span>
        </h1>
        <p class="shown">
          Run <span class="id">{sanitize(share.run)}</span>. {guestWords(share)}
        </p>
        <p class="shown hint">
          They are not verifiable: the proof that a log is complete needs the lines around them.
        </p>
        <div class="tools">
          <a class="button" href={downloadAddress(share.run)} download={`${share.run}.log`}>
            Download
          </a>
          <a class="button" href={textAddress(share.run)}>
            Plain text
          </a>
        </div>
      </section>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="shared-log" tabIndex={0} aria-label={`Log of run ${sanitize(share.run)}`}>
        <div ref={into} class="wrapped" />
        {state?.name === "more" && (
          <button type="button" onClick={() => void reading.value?.read(null)}>
            Show {withCommas(WINDOW_LINES)} more lines
          </button>
        )}
      </section>
      <p class="shown state" role="status">
        {state?.name === "reading" && "Loading…"}
        {state?.name === "live" &&
          (away && connection ? connectionWords(connection, now.value) : "Live")}
        {state?.name === "over" && (share.live ? "The run has ended." : "These are all lines.")}
        {state?.name === "refused" && sanitize(state.why)}
      </p>
    </>
  );
}

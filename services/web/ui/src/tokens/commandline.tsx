// The page where the code of `runtail login` is typed: it lets a command line in.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { aboutCommandLine, type CommandLine, confirmCommandLine } from "../api";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { Top } from "../top";
import { who } from "../who";
import { RightList } from "./rights";

/** With spaces and hyphens between the eight letters. */
const LONGEST_CODE = 20;

export function CommandLinePage() {
  const input = useRef<HTMLInputElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const code = useSignal("");
  const found = useSignal<CommandLine | null>(null);
  const said = useSignal("");
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);

  useEffect(() => {
    document.title = "Log in a command line · Runtail";
    input.current?.focus();
  }, []);

  useEffect(() => heading.current?.focus(), [found.value]);

  async function attempt(act: () => Promise<void>): Promise<void> {
    if (busy.value) return;
    busy.value = true;
    problem.value = null;
    said.value = "";
    try {
      await act();
    } catch (error) {
      problem.value = error as Error;
    }
    busy.value = false;
  }

  async function look(): Promise<void> {
    found.value = await aboutCommandLine(code.peek());
  }

  async function confirm(waiting: CommandLine): Promise<void> {
    await confirmCommandLine(code.peek());
    forget(`The command line on ${nameOf(waiting)} is logged in. You can close this page.`);
  }

  function forget(words: string): void {
    found.value = null;
    code.value = "";
    problem.value = null;
    said.value = words;
  }

  const waiting = found.value;
  return (
    <>
      <Top place="Command line">{null}</Top>
      <main class="list command-line">
        <h1>Log in a command line</h1>
        {!waiting && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void attempt(look);
            }}
          >
            <p>
              <label for="code">
                The code that <code>runtail login</code> shows
              </label>
            </p>
            <p class="tools">
              <input
                id="code"
                ref={input}
                class="code"
                value={code.value}
                maxlength={LONGEST_CODE}
                autocomplete="off"
                autocapitalize="characters"
                spellcheck={false}
                placeholder="ABCD-EFGH"
                required
                onInput={(event) => {
                  code.value = event.currentTarget.value;
                }}
              />
              <button type="submit" class="primary" disabled={busy.value}>
                {busy.value ? "Looking…" : "Continue"}
              </button>
            </p>
          </form>
        )}
        {waiting && (
          <section aria-labelledby="waiting">
            <h2 id="waiting" ref={heading} tabIndex={-1}>
              Let this command line in?
            </h2>
            <dl class="asked">
              <dt>Machine</dt>
              <dd>{sanitize(nameOf(waiting))}</dd>
              <dt>Address</dt>
              <dd>{sanitize(waiting.address || "not known")}</dd>
              <dt>Acts as</dt>
              <dd>{sanitize(who.value?.name ?? "you")}</dd>
              <dt>For</dt>
              <dd>{waiting.days} days</dd>
              <dt>Rights</dt>
              <dd>
                <RightList rights={waiting.rights} />
              </dd>
            </dl>
            <p>
              The machine says its name itself. If you did not run <code>runtail login</code> there
              just now, do not let it in: somebody else would act as you.
            </p>
            <div class="tools">
              <button
                type="button"
                class="primary"
                disabled={busy.value}
                onClick={() => void attempt(() => confirm(waiting))}
              >
                Let it in
              </button>
              <button
                type="button"
                onClick={() => forget("It was not let in. Its code ends by itself.")}
              >
                Do not let it in
              </button>
            </div>
          </section>
        )}
        {problem.value && <ProblemNote problem={problem.value} />}
        <p role="status" class="outcome">
          {sanitize(said.value)}
        </p>
      </main>
    </>
  );
}

function nameOf({ name, address }: CommandLine): string {
  return name || address || "a machine without a name";
}

// The form that makes a token.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { makeToken, type NewToken, Problem } from "../api";
import { Summary } from "../design/summary";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { rightWords, usualRights } from "./words";

const USUAL_DAYS = 90;
/** The API takes no longer names. */
const LONGEST_NAME = 100;

interface Props {
  /** The rights of who makes it. */
  readonly mine: readonly string[];
  readonly made: (token: NewToken) => void;
}

export function MakeToken({ mine, made }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const chosen = useSignal(new Set(usualRights(mine)));
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);
  const faults = problem.value instanceof Problem ? problem.value.errors : [];

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (busy.value || !form.current) return;
    const given = new FormData(form.current);
    busy.value = true;
    problem.value = null;
    try {
      const rights = mine.filter((right) => chosen.peek().has(right));
      made(await makeToken(String(given.get("name")), Number(given.get("days")), rights));
      form.current?.reset();
    } catch (error) {
      problem.value = error as Error;
    }
    busy.value = false;
  }

  function choose(right: string, on: boolean): void {
    const others = [...chosen.peek()].filter((one) => one !== right);
    chosen.value = new Set(on ? [...others, right] : others);
  }

  return (
    <details class="form card">
      <Summary>Make a token</Summary>
      <form ref={form} onSubmit={(event) => void submit(event)}>
        <div class="field">
          <label for="token-name">Name</label>
          <input
            id="token-name"
            name="name"
            maxlength={LONGEST_NAME}
            autocomplete="off"
            placeholder="what it is for"
            required
          />
        </div>
        <div class="field">
          <label for="token-days">Days until it ends</label>
          <input
            id="token-days"
            name="days"
            type="number"
            min={1}
            defaultValue={String(USUAL_DAYS)}
            required
          />
        </div>
        <fieldset class="chosen-rights">
          <legend>Rights</legend>
          {mine.map((right) => (
            <label key={right}>
              <input
                type="checkbox"
                checked={chosen.value.has(right)}
                onChange={(event) => choose(right, event.currentTarget.checked)}
              />{" "}
              <code>{sanitize(right)}</code> <span class="hint">{rightWords(right)}</span>
            </label>
          ))}
        </fieldset>
        {problem.value && <ProblemNote problem={problem.value} />}
        {faults.map(({ field, message }) => (
          <p class="fault" key={field}>
            {sanitize(`${field}: ${message}`)}
          </p>
        ))}
        <div class="tools">
          <button type="submit" class="primary" disabled={busy.value || chosen.value.size === 0}>
            {busy.value ? "Making…" : "Make the token"}
          </button>
          {chosen.value.size === 0 && <span class="hint">Choose at least one right.</span>}
        </div>
      </form>
    </details>
  );
}

// A question before something is done.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { ProblemNote } from "../problem";

interface Props {
  readonly title: string;
  /** The answer that does it. */
  readonly yes: string;
  readonly no: string;
  /** It ends or deletes something. */
  readonly grave?: boolean;
  readonly act: () => Promise<void>;
  readonly closed: () => void;
  readonly children: ComponentChildren;
}

/** Open for as long as it is there. What fails is told in it, and can be tried again. */
export function Confirm({ title, yes, no, grave = false, act, closed, children }: Props) {
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  const keep = useRef<HTMLButtonElement>(null);
  const heading = useId();
  useEffect(() => {
    dialog.current?.showModal();
    // What is pressed by mistake must do nothing.
    keep.current?.focus();
  }, []);
  async function confirmed(): Promise<void> {
    busy.value = true;
    problem.value = null;
    try {
      await act();
      dialog.current?.close();
    } catch (error) {
      problem.value = error as Error;
    }
    busy.value = false;
  }
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby={heading} onClose={closed}>
      <h2 id={heading}>{title}</h2>
      {children}
      {problem.value && <ProblemNote problem={problem.value} />}
      <div class="tools">
        <button
          type="button"
          class={grave ? "danger" : "primary"}
          disabled={busy.value}
          onClick={() => void confirmed()}
        >
          {yes}
        </button>
        <button type="button" ref={keep} onClick={() => dialog.current?.close()}>
          {no}
        </button>
      </div>
    </dialog>
  );
}

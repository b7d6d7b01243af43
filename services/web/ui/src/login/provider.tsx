// The way to the provider where people log in.

import { useSignal } from "@preact/signals";
import { provider } from "../address";
import { logInAtProvider } from "../api";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";

export function ProviderButton({ next }: { next: string }) {
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);

  async function go(): Promise<void> {
    busy.value = true;
    problem.value = null;
    try {
      location.assign((await logInAtProvider(next)).leads_to);
    } catch (error) {
      problem.value = error as Error;
    }
    // Not while the browser leaves only: somebody may come back with its button.
    busy.value = false;
  }

  return (
    <>
      {problem.value && <ProblemNote problem={problem.value} />}
      <button type="button" class="provider" disabled={busy.value} onClick={() => void go()}>
        Log in with {sanitize(provider())}
      </button>
    </>
  );
}

// The form for name and password.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { logInWithPassword } from "../api";
import { ProblemNote } from "../problem";

export function PasswordForm({ done }: { done: () => void }) {
  const name = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const busy = useSignal(false);
  const capsLock = useSignal(false);
  const problem = useSignal<Error | null>(null);

  useEffect(() => {
    name.current?.focus();
  }, []);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (busy.value || !name.current || !password.current) return;
    busy.value = true;
    problem.value = null;
    try {
      await logInWithPassword(name.current.value, password.current.value);
      done();
    } catch (error) {
      problem.value = error as Error;
      busy.value = false;
      password.current?.select();
    }
  }

  function pressed(event: KeyboardEvent): void {
    capsLock.value = event.getModifierState?.("CapsLock") ?? false;
  }

  return (
    <form class="credentials" onSubmit={(event) => void submit(event)}>
      <label for="login-name">Name</label>
      <input
        id="login-name"
        ref={name}
        name="username"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        required
      />
      <label for="login-password">Password</label>
      <input
        id="login-password"
        ref={password}
        name="password"
        type="password"
        autocomplete="current-password"
        aria-describedby="login-hint"
        required
        onKeyDown={pressed}
        onKeyUp={pressed}
      />
      <p id="login-hint" class="hint caps" role="status">
        {capsLock.value && "Caps Lock is on."}
      </p>
      {problem.value && <ProblemNote problem={problem.value} />}
      <button type="submit" class="primary" disabled={busy.value}>
        {busy.value ? "Logging in…" : "Log in"}
      </button>
    </form>
  );
}

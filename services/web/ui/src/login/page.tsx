// The page where people log in, in the ways that this installation has.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { basePath, byProxy, modes } from "../address";
import { logInWithLink, Problem, type Session, session } from "../api";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { Top } from "../top";
import { codeOf } from "./link";
import { nextOf } from "./next";
import { PasswordForm } from "./password";
import { ProviderButton } from "./provider";
import { whyOf } from "./why";

export function LoginPage() {
  const code = useSignal(codeOf(location.hash)).peek();
  const next = useSignal(
    nextOf(location.search, code === null ? location.hash : "", basePath()),
  ).peek();
  const known = useSignal<Session | null>(null);
  const problem = useSignal<Error | null>(null);
  const opening = useSignal(code !== null);
  const failed = useSignal(whyOf(location.search)).peek();
  const ways = modes();

  function done(): void {
    location.replace(next);
  }

  async function look(): Promise<void> {
    try {
      known.value = await session();
      // The proxy has logged somebody in since they were led here.
      if (byProxy()) done();
    } catch (error) {
      // Whatever it is, the login meets it, too.
      if (!(error instanceof Problem)) throw error;
    }
  }

  async function open(link: string): Promise<void> {
    // Before anything else: it must not stay in the address, nor be sent again by a reload.
    history.replaceState(null, "", location.pathname + location.search);
    try {
      await logInWithLink(link);
      done();
    } catch (error) {
      problem.value = error as Error;
      opening.value = false;
    }
  }

  useEffect(() => {
    document.title = "Log in · Runtail";
    if (code !== null) void open(code);
    else if (isLoggedIn()) void look();
  }, []);

  return (
    <>
      <Top place="Log in">{null}</Top>
      <main class="login card">
        <h1>Log in</h1>
        {opening.value && <p role="status">Logging in…</p>}
        {failed && (
          <p class="problem" role="alert">
            {failed}
          </p>
        )}
        {problem.value && <ProblemNote problem={problem.value} />}
        {known.value && (
          <p class="note" role="status">
            You are logged in as <span class="who">{sanitize(known.value.name)}</span>.{" "}
            <a href={next}>Continue</a>
          </p>
        )}
        {!opening.value && ways.includes("password") && <PasswordForm done={done} />}
        {!opening.value && ways.includes("oidc") && <ProviderButton next={next} />}
        {!opening.value && ways.includes("link") && (
          <p class="hint">
            Runtail lets in whoever opens a login link. <code>runtail dev --link</code> prints one.
            It works once, for ten minutes.
          </p>
        )}
        {ways.includes("proxy") && (
          <p class="hint">
            The proxy in front of Runtail logs people in, and it named nobody. Open Runtail at the
            proxy's address.
          </p>
        )}
      </main>
    </>
  );
}

/** Whether the browser has a login, as the page is told: to ask in vain would be a denial for the audit log. */
function isLoggedIn(): boolean {
  return document.querySelector('meta[name="runtail-logged-in"]') !== null;
}

// Who is logged in, at the top of every page, and what belongs to them: tokens, the audit log, logging out.

import { useSignal } from "@preact/signals";
import { AUDIT, byProxy, hasLogin, here, LOGIN, TOKENS } from "./address";
import { logOut } from "./api";
import { Menu } from "./design/menu";
import { ProblemNote } from "./problem";
import { sanitize } from "./sanitize";
import { who } from "./who";

/** Guests with a share link have no account. */
const GUEST = "share";

export function Account() {
  const user = who.value;
  if (!hasLogin() || user === null || user.kind === GUEST) return null;
  return (
    <AccountMenu name={user.name || user.id} rights={user.rights} canLogOut={user.can_log_out} />
  );
}

/** `MK` for Mara Kern and for mara.kern@example.org, `A` for admin. Pure. */
export function initials(name: string): string {
  const parts = name
    .replace(/(?<=.)@.*/su, "")
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);
  const first = [parts[0], parts.length > 1 ? parts.at(-1) : ""].map(
    (part) => [...(part ?? "")][0],
  );
  return first.join("").toLocaleUpperCase() || "?";
}

interface Props {
  readonly name: string;
  readonly rights: readonly string[];
  readonly canLogOut: boolean;
}

function AccountMenu({ name, rights, canLogOut }: Props) {
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);

  async function leave(everywhere: boolean): Promise<void> {
    busy.value = true;
    problem.value = null;
    try {
      const answer = await logOut(everywhere);
      location.assign(answer?.leads_to ?? here(LOGIN));
    } catch (error) {
      problem.value = error as Error;
      busy.value = false;
    }
  }

  const opener = (
    <>
      <span class="initials" aria-hidden="true">
        {initials(sanitize(name))}
      </span>
      <span class="unseen">Logged in as {sanitize(name)}</span>
    </>
  );
  return (
    <Menu class="account" title={sanitize(name)} opener={opener}>
      <p class="who">{sanitize(name)}</p>
      {rights.includes("token:own") && <a href={here(TOKENS)}>Tokens</a>}
      {rights.includes("admin") && <a href={here(AUDIT)}>Audit log</a>}
      {canLogOut && (
        <button type="button" data-stays disabled={busy.value} onClick={() => void leave(false)}>
          Log out
        </button>
      )}
      {canLogOut && !byProxy() && (
        <button
          type="button"
          data-stays
          disabled={busy.value}
          title="End all your sessions, in every browser"
          onClick={() => void leave(true)}
        >
          Log out everywhere
        </button>
      )}
      {problem.value && <ProblemNote problem={problem.value} />}
    </Menu>
  );
}

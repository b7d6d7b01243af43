// The rows of the list of tokens, and what asks before one is revoked.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Problem, revokeToken, type Token } from "../api";
import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { age, stamp } from "../time";
import { RightName } from "./rights";
import { endClass, endWords } from "./words";

interface Props {
  readonly rows: readonly Token[];
  /** In ms since 1970. */
  readonly now: number;
  /** Say whose they are. */
  readonly owners: boolean;
  readonly revoked: (token: Token) => void;
}

export function Table({ rows, now, owners, revoked }: Props) {
  const asked = useSignal<Token | null>(null);
  return (
    <>
      <div class="card">
        <table class="listing tokens">
          <thead>
            <tr>
              <th scope="col">Name</th>
              {owners && (
                <th scope="col" class="side">
                  Owner
                </th>
              )}
              <th scope="col" class="side wide">
                Rights
              </th>
              <th scope="col" class="side">
                Made
              </th>
              <th scope="col">Ends</th>
              <th scope="col" class="side">
                Last used
              </th>
              <th scope="col">
                <span class="unseen">Revoke</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((token) => (
              <tr key={token.id}>
                <td>
                  <span class="task">{sanitize(token.name)}</span>
                  <span class="brief">
                    {owners && <>of {sanitize(token.owner)} · </>}
                    {used(token, now)}
                  </span>
                </td>
                {owners && <td class="side who">{sanitize(token.owner)}</td>}
                <td class="side wide">
                  {token.rights.map((right) => (
                    <span key={right}>
                      <RightName right={right} />{" "}
                    </span>
                  ))}
                </td>
                <td class="side" title={stamp(token.made_ms)}>
                  {ago(token.made_ms, now)}
                </td>
                <td class={endClass(token, now)} title={stamp(token.ends_ms)}>
                  {endWords(token, now)}
                </td>
                <td
                  class="side"
                  {...(token.used_ms === null ? {} : { title: stamp(token.used_ms) })}
                >
                  {token.used_ms === null ? "never" : ago(token.used_ms, now)}
                </td>
                <td>
                  <button
                    type="button"
                    class="grave"
                    aria-label={`Revoke ${sanitize(token.name)}`}
                    onClick={() => {
                      asked.value = token;
                    }}
                  >
                    Revoke
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {asked.value && (
        <Revoke
          token={asked.value}
          revoked={revoked}
          close={() => {
            asked.value = null;
          }}
        />
      )}
    </>
  );
}

function ago(ms: number, now: number): string {
  const words = age(now - ms);
  return words === "now" ? words : `${words} ago`;
}

function used({ used_ms: at }: Token, now: number): string {
  return at === null ? "never used" : `used ${ago(at, now)}`;
}

interface RevokeProps {
  readonly token: Token;
  readonly revoked: (token: Token) => void;
  readonly close: () => void;
}

function Revoke({ token, revoked, close }: RevokeProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const keep = useRef<HTMLButtonElement>(null);
  const busy = useSignal(false);
  const problem = useSignal<Error | null>(null);
  useEffect(() => {
    dialog.current?.showModal();
    // What is pressed by mistake must end nothing.
    keep.current?.focus();
  }, []);
  async function confirmed(): Promise<void> {
    busy.value = true;
    try {
      await revokeToken(token.id);
    } catch (error) {
      // Gone already is gone.
      if (!(error instanceof Problem) || error.status !== 404) {
        problem.value = error as Error;
        busy.value = false;
        return;
      }
    }
    revoked(token);
    dialog.current?.close();
  }
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="revoke-title" onClose={close}>
      <h2 id="revoke-title">Revoke {sanitize(token.name)}?</h2>
      <p>It stops working at once, also for streams that are open. This cannot be undone.</p>
      {problem.value && <ProblemNote problem={problem.value} />}
      <div class="tools">
        <button type="button" class="danger" disabled={busy.value} onClick={() => void confirmed()}>
          Yes, revoke the token
        </button>
        <button type="button" ref={keep} onClick={() => dialog.current?.close()}>
          Keep it
        </button>
      </div>
    </dialog>
  );
}

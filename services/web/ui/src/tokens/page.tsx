// The page with the API tokens of who is logged in, or of everybody.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type NewToken, type Token, tokens } from "../api";
import { serverNow } from "../clock";
import { ProblemNote } from "../problem";
import { Skeleton } from "../skeleton";
import { ClockNote, Top } from "../top";
import { who } from "../who";
import { MakeToken } from "./make";
import { NewTokenNote } from "./newtoken";
import { Table } from "./table";

/** A skeleton that is gone at once is only unrest. */
const PATIENCE_MS = 300;

export function TokensPage() {
  const rows = useSignal<readonly Token[] | null>(null);
  const all = useSignal(false);
  const made = useSignal<NewToken | null>(null);
  const problem = useSignal<Error | null>(null);
  const busy = useSignal(false);
  const waited = useSignal(false);
  const now = useSignal(serverNow());

  async function fetchAll(): Promise<void> {
    const wanted = all.peek();
    busy.value = true;
    try {
      const answer = await tokens(wanted);
      if (wanted !== all.peek()) return;
      rows.value = answer.tokens;
      now.value = serverNow();
      problem.value = null;
    } catch (error) {
      // The list never empties on an error.
      if (wanted === all.peek()) problem.value = error as Error;
    } finally {
      busy.value = false;
    }
  }

  useEffect(() => {
    document.title = "Tokens · Runtail";
    void fetchAll();
    const patience = setTimeout(() => {
      waited.value = true;
    }, PATIENCE_MS);
    return () => clearTimeout(patience);
  }, []);

  const user = who.value;
  return (
    <>
      <Top place="Tokens">{null}</Top>
      <main class="list">
        <h1>Tokens</h1>
        <p class="hint">
          A token lets a program in. It may do what you may when it is used, and no more than its
          own rights say.
        </p>
        {made.value && (
          <NewTokenNote
            token={made.value}
            close={() => {
              made.value = null;
            }}
          />
        )}
        {user && (
          <MakeToken
            mine={user.rights}
            made={(token) => {
              made.value = token;
              void fetchAll();
            }}
          />
        )}
        {user?.rights.includes("admin") && (
          <p>
            <label>
              <input
                type="checkbox"
                checked={all.value}
                onChange={(event) => {
                  all.value = event.currentTarget.checked;
                  void fetchAll();
                }}
              />{" "}
              Of everybody
            </label>
          </p>
        )}
        <div class={busy.value ? "thin busy" : "thin"} aria-hidden="true" />
        {problem.value && <ProblemNote problem={problem.value} retry={() => void fetchAll()} />}
        <ClockNote />
        {rows.value === null && waited.value && !problem.value && <Skeleton what="the tokens" />}
        {rows.value?.length === 0 && (
          <p class="note" role="status">
            {all.value ? "There are no tokens." : "You have no tokens."}
          </p>
        )}
        {rows.value && rows.value.length > 0 && (
          <Table
            rows={rows.value}
            now={now.value}
            owners={all.value}
            revoked={(gone) => {
              rows.value = (rows.peek() ?? []).filter(({ id }) => id !== gone.id);
              if (made.peek()?.id === gone.id) made.value = null;
            }}
          />
        )}
      </main>
    </>
  );
}

// What can be copied of a run, and given to others.

import { useSignal } from "@preact/signals";
import { hasLogin } from "../address";
import { downloadAddress, type Run } from "../api";
import { copyText } from "../clipboard";
import { Icon } from "../design/icon";
import { Menu } from "../design/menu";
import { canShare, share } from "../share/dialog";
import { lacks } from "../who";
import { curlCommand, followCommand } from "./commands";

const SAID_MS = 3_000;

export function Sharing({ run }: { run: Run }) {
  const log = new URL(downloadAddress(run.id), location.origin).href;
  return (
    <Menu
      class="offers"
      title="Copy the link, the id or a command"
      opener={
        <>
          <Icon name="share" />
          <span class="word">Share</span>
        </>
      }
    >
      <CopyChoice words="Copy the link" text={() => location.href} />
      <CopyChoice words="Copy the id" text={() => run.id} />
      <CopyChoice words="Copy the command to follow it" text={() => followCommand(run.id)} />
      {!lacks("log:read") && (
        <CopyChoice
          words="Copy a curl command for the log"
          text={() => curlCommand(log, hasLogin())}
        />
      )}
      {canShare() && (
        <button type="button" onClick={() => share(null)}>
          Share with a guest…
        </button>
      )}
    </Menu>
  );
}

/** Says in its place what became of it. */
function CopyChoice({ words, text }: { words: string; text: () => string }) {
  const said = useSignal("");
  async function press(): Promise<void> {
    const copied = text();
    said.value = (await copyText(copied)) ? "Copied" : `Copying failed. It is ${copied}`;
    setTimeout(() => {
      said.value = "";
    }, SAID_MS);
  }
  return (
    <>
      <button type="button" data-stays onClick={() => void press()}>
        {said.value || words}
      </button>
      <span class="unseen" role="status">
        {said.value}
      </span>
    </>
  );
}

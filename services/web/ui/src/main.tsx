// Which page this is, and nothing else.

import "./design/tokens.css";
import "./design/fonts.css";
import "./design/base.css";
import "./design/icon.css";
import "./design/button.css";
import "./design/badge.css";
import "./design/field.css";
import "./design/combobox.css";
import "./design/card.css";
import "./design/table.css";
import "./design/summary.css";
import "./design/menu.css";
import "./design/dialog.css";
import "./design/notice.css";
import "./design/segments.css";
import "./design/bar.css";
import "./list.css";
import "./run/rail.css";
import "./run/run.css";
import "./runs/runs.css";
import "./runs/rows.css";
import "./runs/filters.css";
import "./audit/audit.css";
import "./form/form.css";
import "./login/login.css";
import "./guest/guest.css";
import "./share/share.css";
import "./palette/palette.css";
import "./tell/tell.css";
import "./tokens/tokens.css";
import "./watch/watch.css";
import { type ComponentChild, type FunctionComponent, render } from "preact";
import {
  AUDIT,
  basePath,
  COMMAND_LINE,
  hasLogin,
  here,
  LOGIN,
  loginAddress,
  runOf,
  shareOf,
  TOKENS,
  WATCH,
} from "./address";
import { LINK_PREFIX } from "./login/link";
import { RunPage } from "./run/page";
import { RunsPage } from "./runs/page";
import { socketAddress, Tail } from "./socket";
import { startTheme } from "./theme";
import { keepAsking } from "./who";

// Pages that are opened seldom are parts of their own; `shell.py` names them beside this program, so that both come at
// once, and `loading.ts` tries again if one of them does not.

/** The pages that show nothing live. */
const QUIET = new Map<string, () => Promise<FunctionComponent>>([
  [here(AUDIT), async () => (await import("./audit/page")).AuditPage],
  [here(TOKENS), async () => (await import("./tokens/page")).TokensPage],
  [here(COMMAND_LINE), async () => (await import("./tokens/commandline")).CommandLinePage],
]);

async function page(): Promise<ComponentChild> {
  if (location.pathname === here(LOGIN)) {
    const { LoginPage } = await import("./login/page");
    return <LoginPage />;
  }
  if (hasLogin() && location.hash.startsWith(LINK_PREFIX)) {
    // A login link was opened by somebody who is logged in: its code must neither stay in the address nor work later.
    location.replace(loginAddress(location));
    return null;
  }
  const shareId = shareOf(location.pathname, basePath());
  if (shareId !== null) {
    const { GuestPage } = await import("./guest/page");
    return <GuestPage shareId={shareId} secret={location.hash.slice(1)} />;
  }
  keepAsking();
  const Quiet = await QUIET.get(location.pathname)?.();
  return Quiet ? <Quiet /> : live();
}

async function live(): Promise<ComponentChild> {
  const tail = new Tail(socketAddress());
  tail.open();
  const runId = runOf(location.pathname, basePath());
  if (runId !== null) return <RunPage tail={tail} runId={runId} />;
  if (location.pathname !== here(WATCH)) return <RunsPage tail={tail} />;
  const { WatchPage } = await import("./watch/page");
  return <WatchPage tail={tail} />;
}

const root = document.getElementById("app");
if (root) {
  startTheme();
  // Not awaited here: a part waits for this program, whose modules it uses.
  void page().then((shown) => render(shown, root));
}

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
import { render } from "preact";
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
import { AuditPage } from "./audit/page";
import { GuestPage } from "./guest/page";
import { LINK_PREFIX } from "./login/link";
import { LoginPage } from "./login/page";
import { RunPage } from "./run/page";
import { RunsPage } from "./runs/page";
import { socketAddress, Tail } from "./socket";
import { startTheme } from "./theme";
import { CommandLinePage } from "./tokens/commandline";
import { TokensPage } from "./tokens/page";
import { WatchPage } from "./watch/page";
import { keepAsking } from "./who";

/** The pages that show nothing live. */
const QUIET = new Map([
  [here(AUDIT), AuditPage],
  [here(TOKENS), TokensPage],
  [here(COMMAND_LINE), CommandLinePage],
]);

function show(root: HTMLElement): void {
  if (location.pathname === here(LOGIN)) {
    render(<LoginPage />, root);
    return;
  }
  if (hasLogin() && location.hash.startsWith(LINK_PREFIX)) {
    // A login link was opened by somebody who is logged in: its code must neither stay in the address nor work later.
    location.replace(loginAddress(location));
    return;
  }
  const shareId = shareOf(location.pathname, basePath());
  if (shareId !== null) {
    render(<GuestPage shareId={shareId} secret={location.hash.slice(1)} />, root);
    return;
  }
  keepAsking();
  const Quiet = QUIET.get(location.pathname);
  if (Quiet) {
    render(<Quiet />, root);
    return;
  }
  const tail = new Tail(socketAddress());
  const runId = runOf(location.pathname, basePath());
  if (runId !== null) render(<RunPage tail={tail} runId={runId} />, root);
  else if (location.pathname === here(WATCH)) render(<WatchPage tail={tail} />, root);
  else render(<RunsPage tail={tail} />, root);
  tail.open();
}

const root = document.getElementById("app");
if (root) {
  startTheme();
  show(root);
}

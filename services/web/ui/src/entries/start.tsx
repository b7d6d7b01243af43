// How every page begins: what all of them look like, and who may see them.

import "../design/tokens.css";
import "../design/fonts.css";
import "../design/base.css";
import "../design/icon.css";
import "../design/button.css";
import "../design/badge.css";
import "../design/field.css";
import "../design/combobox.css";
import "../design/card.css";
import "../design/table.css";
import "../design/summary.css";
import "../design/menu.css";
import "../design/dialog.css";
import "../design/notice.css";
import "../design/segments.css";
import "../design/bar.css";
import "../palette/palette.css";
import "../tell/tell.css";
import { type ComponentChild, render } from "preact";
import { hasLogin, here, LOGIN, loginAddress } from "../address";
import { LINK_PREFIX } from "../login/link";
import { startTheme } from "../theme";

/** Show a page; it is made when nothing leads elsewhere. */
export function start(page: () => ComponentChild): void {
  const root = document.getElementById("app");
  if (!root) return;
  startTheme();
  const atLogin = location.pathname === here(LOGIN);
  if (!atLogin && hasLogin() && location.hash.startsWith(LINK_PREFIX)) {
    // A login link was opened by somebody who is logged in: its code must neither stay in the address nor work later.
    location.replace(loginAddress(location));
  } else render(page(), root);
}

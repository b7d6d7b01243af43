// Which page this is, and nothing else.

import "./theme.css";
import "./dialog.css";
import "./header.css";
import "./list/list.css";
import "./form/form.css";
import { render } from "preact";
import { RunPage } from "./run";
import { RunsPage } from "./runs";
import { socketAddress, Tail } from "./socket";
import { startTheme } from "./theme";

const root = document.getElementById("app");
if (root) {
  startTheme();
  const tail = new Tail(socketAddress());
  const match = /^\/runs\/([^/]+)$/.exec(location.pathname);
  const runId = match?.[1];
  render(
    runId === undefined ? (
      <RunsPage tail={tail} />
    ) : (
      <RunPage tail={tail} runId={decodeURIComponent(runId)} />
    ),
    root,
  );
  tail.open();
}

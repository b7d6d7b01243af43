// Which page this is, and nothing else.

import "./theme.css";
import "./dialog.css";
import "./run/run.css";
import "./runs/runs.css";
import "./form/form.css";
import { render } from "preact";
import { runOf } from "./address";
import { RunPage } from "./run/page";
import { RunsPage } from "./runs/page";
import { socketAddress, Tail } from "./socket";
import { startTheme } from "./theme";

const root = document.getElementById("app");
if (root) {
  startTheme();
  const tail = new Tail(socketAddress());
  const runId = runOf(location.pathname);
  render(runId === null ? <RunsPage tail={tail} /> : <RunPage tail={tail} runId={runId} />, root);
  tail.open();
}

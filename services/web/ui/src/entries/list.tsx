// The list of runs.

import { start } from "./start";
import "../list.css";
import "../runs/runs.css";
import "../runs/rows.css";
import "../runs/filters.css";
import "../form/form.css";
import { RunsPage } from "../runs/page";
import { socketAddress, Tail } from "../socket";
import { keepAsking } from "../who";

start(() => {
  keepAsking();
  const tail = new Tail(socketAddress());
  tail.open();
  return <RunsPage tail={tail} />;
});

// The pages that show a log: a run, several runs, and what a share link leads to.

import { start } from "./start";
import "../run/rail.css";
import "../run/run.css";
import "../guest/guest.css";
import "../share/share.css";
import "../watch/watch.css";
import { basePath, runOf, shareOf } from "../address";
import { GuestPage } from "../guest/page";
import { RunPage } from "../run/page";
import { socketAddress, Tail } from "../socket";
import { WatchPage } from "../watch/page";
import { keepAsking } from "../who";

start(() => {
  const shareId = shareOf(location.pathname, basePath());
  if (shareId !== null) return <GuestPage shareId={shareId} secret={location.hash.slice(1)} />;
  keepAsking();
  const tail = new Tail(socketAddress());
  tail.open();
  const runId = runOf(location.pathname, basePath());
  return runId === null ? <WatchPage tail={tail} /> : <RunPage tail={tail} runId={runId} />;
});

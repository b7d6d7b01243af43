// Telling the reader that a run has ended: by a notification where the browser shows one, else by the title of the tab.

import type { Run } from "../api";
import { sanitize } from "../sanitize";
import { lasted } from "../time";
import { tookMs } from "../words";
import { playEnd } from "./sound";

/** What the browser said about notifications: `absent` if it has none. */
export type Permission = "granted" | "denied" | "absent";

/** Whether the browser has notifications at all. */
export function hasNotifications(): boolean {
  return "Notification" in window;
}

/** Asks the reader, if nobody has; only after a click, and never by itself. */
export async function askPermission(): Promise<Permission> {
  if (!hasNotifications()) return "absent";
  if (Notification.permission === "granted") return "granted";
  return (await Notification.requestPermission()) === "granted" ? "granted" : "denied";
}

/** What will happen at the end. Pure. */
export function promiseWords(permission: Permission): string {
  switch (permission) {
    case "granted":
      return "You will get a notification when this run ends, if this tab is open and not in sight.";
    case "denied":
      return "Your browser does not allow notifications from this page. The title of this tab will tell you.";
    case "absent":
      return "Your browser has no notifications. The title of this tab will tell you.";
  }
}

export interface EndWords {
  readonly title: string;
  readonly body: string;
}

/** A run's end in words. Pure. */
export function endWords(run: Run): EndWords {
  const ms = tookMs(run, run.finished_ms ?? 0);
  const facts = [
    run.title,
    ms !== null && `Took ${lasted(ms)}`,
    run.state !== "succeeded" && run.why,
  ];
  return {
    title: sanitize(`${run.task} ${run.state}`),
    body: sanitize(facts.filter(Boolean).join(" · ").slice(0, 300)),
  };
}

/** `show`: bring the run into sight, after a click on the notification. */
export function tellEnd(run: Run, show: () => void): void {
  playEnd(run.state === "succeeded");
  if (document.visibilityState === "visible") return;
  const words = endWords(run);
  if (!notified(run, words, show)) titled(words);
}

function notified(run: Run, { title, body }: EndWords, show: () => void): boolean {
  if (!hasNotifications() || Notification.permission !== "granted") return false;
  try {
    // Several tabs with the same run tell it once.
    const notification = new Notification(title, { body, tag: `runtail ${run.id}` });
    notification.addEventListener("click", () => {
      notification.close();
      window.focus();
      show();
    });
    return true;
  } catch {
    // Phones know them only from service workers.
    return false;
  }
}

/** The title says it until somebody looks, whatever the page makes of it meanwhile. */
function titled({ title }: EndWords): void {
  const now = `(!) ${title}`;
  let own = document.title;
  const keep = () => {
    if (document.title === now) return;
    own = document.title;
    document.title = now;
  };
  keep();
  const changes = new MutationObserver(keep);
  changes.observe(document.head, { childList: true, characterData: true, subtree: true });
  const looked = () => {
    if (document.visibilityState !== "visible") return;
    document.removeEventListener("visibilitychange", looked);
    changes.disconnect();
    document.title = own;
  };
  document.addEventListener("visibilitychange", looked);
}

// Where the reader left the list of runs, for when they come back.

import { here } from "./address";

/** In the tab's own storage: two tabs are at two places. */
const KEY = "runtail-place";

export interface Place {
  /** The filters. */
  readonly search: string;
  /** How many rows there were. */
  readonly rows: number;
  /** How far the page was scrolled, in px. */
  readonly top: number;
  /** The address of the run that had the focus. */
  readonly run: string;
  /** They come back by a key: to the browser, that is a page like any other. */
  readonly returns?: boolean;
}

/** Null if they were not in the list, or the browser does not say. */
export function leftPlace(): Place | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Place | null;
  } catch {
    return null;
  }
}

export function setLeftPlace(place: Place): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(place));
  } catch {
    // Without storage, they begin at the top.
  }
}

/** To the list, with the filters that it had. */
export function backToRuns(): void {
  const place = leftPlace();
  if (place) setLeftPlace({ ...place, returns: true });
  location.assign(`${here("/")}${place?.search ?? ""}`);
}

// Where the reader was in the list, for when they come back.

/** In the tab's own storage: two tabs are at two places. */
const KEY = "runtail-place";

/** More rows than these are not fetched again. */
const MAX_ROWS = 1_000;

export interface Place {
  /** The filters. */
  readonly search: string;
  /** How many rows there were. */
  readonly rows: number;
  /** How far the page was scrolled, in px. */
  readonly top: number;
  /** The address of the run that had the focus. */
  readonly run: string;
}

export function keepPlace(rows: number): void {
  const link = document.activeElement?.closest("tr")?.querySelector("a");
  const place: Place = {
    search: location.search,
    rows: Math.min(rows, MAX_ROWS),
    top: scrollY,
    run: link?.getAttribute("href") ?? "",
  };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(place));
  } catch {
    // Without storage, they begin at the top.
  }
}

/** The place they come back to; null if they come anew. */
export function keptPlace(): Place | null {
  const [arrival] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  if (arrival?.type !== "back_forward" && arrival?.type !== "reload") return null;
  try {
    const place = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Place | null;
    return place?.search === location.search ? place : null;
  } catch {
    return null;
  }
}

/** Once its rows are there. */
export function returnTo({ top, run }: Place): void {
  scrollTo({ top, behavior: "instant" });
  const links = [...document.querySelectorAll<HTMLElement>(".runs .row-link")];
  const link = links.find((one) => one.getAttribute("href") === run);
  if (document.activeElement === document.body) link?.focus({ preventScroll: true });
}

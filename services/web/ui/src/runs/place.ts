// Where the reader was in the list, for when they come back.

import { leftPlace, type Place, setLeftPlace } from "../leftlist";

/** More rows than these are not fetched again. */
const MAX_ROWS = 1_000;

export function keepPlace(rows: number): void {
  const link = document.activeElement?.closest("tr")?.querySelector("a");
  setLeftPlace({
    search: location.search,
    rows: Math.min(rows, MAX_ROWS),
    top: scrollY,
    run: link?.getAttribute("href") ?? "",
  });
}

/** The place they come back to; null if they come anew. */
export function keptPlace(): Place | null {
  const [arrival] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  const place = leftPlace();
  if (place?.search !== location.search) return null;
  const comes = arrival?.type === "back_forward" || arrival?.type === "reload" || place.returns;
  return comes ? place : null;
}

/** Once its rows are there. */
export function returnTo({ top, run }: Place): void {
  scrollTo({ top, behavior: "instant" });
  const links = [...document.querySelectorAll<HTMLElement>(".runs .row-link")];
  const link = links.find((one) => one.getAttribute("href") === run);
  if (document.activeElement === document.body) link?.focus({ preventScroll: true });
}

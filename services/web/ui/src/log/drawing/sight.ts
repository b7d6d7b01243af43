// Which rows can be seen.

import type { VirtualList } from "./virtuallist";

/** The rows that are whole on the screen, first and last. `count`: rows of the log. */
export function sightOf(
  list: VirtualList,
  count: number,
): { readonly first: number; readonly last: number } {
  const { row } = list.top;
  let [first, last] = [row, Math.max(row, Math.min(count - 1, row + list.rowsPerPage))];
  while (first < last && !list.sees(first)) first += 1;
  while (last > first && !list.sees(last)) last -= 1;
  return { first, last };
}

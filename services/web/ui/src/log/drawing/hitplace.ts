// Where the first hit of a search in a row is, and how far to scroll to the right for it.

/** In several colours a hit is several marks, side by side. Null: the row has no hit. */
export function firstHit(row: HTMLElement): DOMRect | null {
  const [first, ...others] = [...row.querySelectorAll("mark")].map((one) =>
    one.getBoundingClientRect(),
  );
  if (!first) return null;
  let { right } = first;
  for (const one of others) {
    if (one.top !== first.top || Math.abs(one.left - right) > 1) break;
    right = one.right;
  }
  return new DOMRect(first.left, first.top, right - first.left, first.height);
}

/**
 * How far to scroll to the right, so that a hit in an unwrapped row can be seen: as little as can be,
 * since the beginning of a line says most about it. `left`: how far it is scrolled now.
 */
export function leftFor(hit: DOMRect, row: HTMLElement, viewport: DOMRect, left: number): number {
  const begin = row.querySelector(".text")?.getBoundingClientRect().left ?? hit.left;
  const seen = viewport.width - (begin + left - viewport.left);
  const [from, to] = [hit.left - begin, hit.right - begin];
  if (from >= left && to <= left + seen && (left === 0 || to > seen)) return left;
  return to <= seen ? 0 : Math.max(0, Math.round(from - seen / 3));
}

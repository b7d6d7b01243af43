// Pages and changes put together into one list, newest first. Pure.

import type { Run } from "../api";

/**
 * The changed run in its place, or where its age puts it when it is new. One below the end of a list
 * that goes on comes with its page: put here, it would hide that others between are missing.
 */
export function merged(list: readonly Run[], run: Run, more: boolean): readonly Run[] {
  const at = list.findIndex(({ id }) => id === run.id);
  if (at >= 0) return list.with(at, run);
  const before = list.findIndex(({ created_ms }) => created_ms <= run.created_ms);
  if (before < 0 && more) return list;
  return list.toSpliced(before < 0 ? list.length : before, 0, run);
}

/** A fresh first page over what is known: older pages stay, what left the first page goes. */
export function refreshed(list: readonly Run[], page: readonly Run[], more: boolean): Run[] {
  const last = page.at(-1);
  if (!more || !last) return [...page];
  const fresh = new Set(page.map(({ id }) => id));
  const older = list.filter(
    ({ id, created_ms }) => created_ms <= last.created_ms && !fresh.has(id),
  );
  return [...page, ...older];
}

/** An older page under what is known. */
export function extended(list: readonly Run[], page: readonly Run[]): Run[] {
  const known = new Set(list.map(({ id }) => id));
  return [...list, ...page.filter(({ id }) => !known.has(id))];
}

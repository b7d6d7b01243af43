// Sections, errors and cuts of a whole log, as the server knows them.

import { type OutlineMark, outline } from "../../api";
import type { Group } from "./groups";
import type { LineRange } from "./links";
import { headerNote, outlined } from "./notes";
import type { Note } from "./rows";

/** Marks that `e` goes to. */
const ERRORS = new Set(["error", "worker-lost", "store-lost", "overflow"]);

export interface Outline {
  /** Lines with errors, and with warnings. */
  readonly errors: readonly number[];
  readonly warnings: readonly number[];
  /** What the quota took, whether the rows around it are here or not. */
  readonly cut: LineRange | null;
  /** How many groups there are; the page knows of a bounded number. */
  readonly groupCount: number;
  readonly groups: readonly Group[];
  /** The headers of groups whose title is no line. */
  readonly headers: readonly Note[];
  /** What happened, in the order of the log. */
  readonly marks: readonly OutlineMark[];
}

export const NOTHING: Outline = {
  errors: [],
  warnings: [],
  cut: null,
  groupCount: 0,
  groups: [],
  headers: [],
  marks: [],
};

/** Fetch it. Null if that fails, or if it is of another epoch: the loaded lines then have to do. */
export async function fetchOutline(
  run: string,
  epoch: () => number | null | undefined,
): Promise<Outline | null> {
  let found: Awaited<ReturnType<typeof outline>>;
  try {
    found = await outline(run);
  } catch {
    return null;
  }
  if (epoch() !== null && epoch() !== found.epoch) return null;
  const marked = (holds: (kind: string) => boolean) =>
    found.marks.filter((mark) => holds(mark.kind)).map((mark) => mark.line);
  const cut = found.marks.find((mark) => mark.kind === "cut");
  return {
    errors: marked((kind) => ERRORS.has(kind)),
    warnings: marked((kind) => kind === "warning"),
    cut: cut ? { first: cut.line, last: cut.to ?? cut.line } : null,
    groupCount: found.counts["group"] ?? 0,
    groups: found.groups.map(outlined),
    headers: found.groups.filter((group) => group.title_line === null).map(headerNote),
    marks: found.marks,
  };
}

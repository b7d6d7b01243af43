// Where a log stands: alone on its run's page, or as one of several.

import { runAddress } from "../address";
import { type LineRange, linesHash, parseLines } from "./model/links";

export interface Place {
  /** Ends when the log is taken off the page. */
  readonly closed: AbortSignal;
  /** Whether keys that are pressed anywhere on the page are meant for this log. */
  readonly hasKeys: () => boolean;
  /** The lines that the page's address asks for; null if it asks for none. */
  readonly asked: () => LineRange | null;
  /** Lines were marked, or none are any more. */
  readonly marked: (range: LineRange | null) => void;
  /** The link to lines of a run. */
  readonly link: (run: string, range: LineRange) => string;
}

/** The address names the lines that are marked. */
export function alone(closed: AbortSignal): Place {
  return {
    closed,
    hasKeys: () => true,
    asked: () => parseLines(location.hash),
    marked: (range) => {
      const { pathname, search } = location;
      history.replaceState(null, "", `${pathname}${search}${range ? linesHash(range) : ""}`);
    },
    link: (_, range) => `${location.origin}${location.pathname}${linesHash(range)}`,
  };
}

/** Beside others: links lead to the page of the run itself. */
export function amongOthers(closed: AbortSignal, hasKeys: () => boolean): Place {
  return {
    closed,
    hasKeys,
    asked: () => null,
    marked: () => {},
    link: (run, range) => `${location.origin}${runAddress(run)}${linesHash(range)}`,
  };
}

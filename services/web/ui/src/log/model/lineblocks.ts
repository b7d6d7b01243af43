// How lines are kept and fetched: in blocks.

export const BLOCK_LINES = 500;
/** The screen rests for so long before what is missing on it is fetched. */
export const WANT_DELAY_MS = 30;

/** Fetches lines from one on and puts them; resolves to the line to go on at. */
export type Load = (from: number, limit: number, signal: AbortSignal) => Promise<number>;

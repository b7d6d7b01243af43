// A relay that hangs looks like one that has nothing to say; the record, which comes from elsewhere, tells.

/** How many lines a run has by its record, and how many of them the page has. */
export interface Standing {
  readonly written: number;
  readonly shown: number;
}

/** Whether the relay sent nothing since `before`, although there was something to send already. Pure. */
export function isSilent(before: Standing | null, now: Standing): boolean {
  return before !== null && before.written > before.shown && now.shown === before.shown;
}

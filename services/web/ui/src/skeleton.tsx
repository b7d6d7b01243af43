// Shown in the place of a list while its first answer is on its way, if that takes a moment.

/** @param what - What is loaded. */
export function Skeleton({ what }: { what: string }) {
  return (
    <div class="skeleton" role="status">
      <span class="unseen">Loading {what}…</span>
      <span />
      <span />
      <span />
    </div>
  );
}

// What stands in the way of reading a run, in words.

import { ProblemNote } from "../problem";
import { sanitize } from "../sanitize";
import { denied, gone, isLogOnly, type Reading } from "./run";

export function Trouble({ reading }: { reading: Reading }) {
  const { record, problem, fetchRecord } = reading;
  const why = denied(reading.log.value?.follow);
  const logOnly = isLogOnly(reading);
  const missing = gone(reading);
  return (
    <>
      {why && (
        <p class="problem" role="alert">
          {sanitize(why)} What follows is what you had seen. Ask whoever grants rights here.
        </p>
      )}
      {logOnly && !why && (
        <p class="note">You may read the log of this run, and not the rest of its record.</p>
      )}
      {missing && !why && (
        <p class="problem" role="alert">
          {sanitize(missing.title)}.
        </p>
      )}
      {problem.value && !missing && !logOnly && !why && !record.value && (
        <ProblemNote problem={problem.value} retry={() => void fetchRecord()} />
      )}
    </>
  );
}

/** The log is another one than it was. */
export function Replaced({ reading }: { reading: Reading }) {
  const reason = reading.log.value?.follow.resetReason.value;
  if (!reason || gone(reading)) return null;
  return (
    <p class="problem" role="alert">
      The log was replaced: {sanitize(reason.replace(/\.$/, ""))}. Below is the log as it is now.
    </p>
  );
}

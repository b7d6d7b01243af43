// A failure in words, with what stands in the way.

import { Problem } from "./api";
import { foreign } from "./foreign";

export function ProblemNote({ problem, retry }: { problem: Error; retry?: () => void }) {
  const holder = problem instanceof Problem ? problem.holder : null;
  return (
    <p class="problem" role="alert">
      {problem instanceof Problem && problem.title !== problem.message && (
        <strong>{foreign(problem.title)}. </strong>
      )}
      {foreign(problem.message)} {holder && <a href={holder}>Open the current run</a>}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </p>
  );
}

// A failure in words, with what stands in the way.

import { Problem } from "./api";
import { Icon } from "./design/icon";
import { sanitize } from "./sanitize";

export function ProblemNote({ problem, retry }: { problem: Error; retry?: () => void }) {
  const holder = problem instanceof Problem ? problem.holder : null;
  return (
    <p class="problem" role="alert">
      <Icon name="warning" />{" "}
      {problem instanceof Problem && problem.title !== problem.message && (
        <strong>{sanitize(problem.title)}. </strong>
      )}
      {sanitize(problem.message)} {holder && <a href={holder}>Open the current run</a>}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </p>
  );
}

// A list of rights, each with what it lets somebody do.

import { sanitize } from "../sanitize";
import { rightWords } from "./words";

export function RightName({ right }: { right: string }) {
  return <code title={rightWords(right)}>{sanitize(right)}</code>;
}

/** Right and words, one below the other. */
export function RightList({ rights }: { rights: readonly string[] }) {
  return (
    <ul class="rights">
      {rights.map((right) => (
        <li key={right}>
          <RightName right={right} /> <span class="hint">{rightWords(right)}</span>
        </li>
      ))}
    </ul>
  );
}

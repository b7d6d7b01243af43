// Which runs ended while the page looked, and are to be told. Pure but for what the browser keeps.

import type { Run } from "../api";
import { isOver } from "../words";
import { isWanted, setWanted } from "./told";

export class Ends {
  /** Those that had not ended when they were looked at last. */
  readonly #going = new Set<string>();

  /** Runs as they are now. Each of those returned is returned once, and wanted no more. */
  look(runs: readonly Run[]): Run[] {
    const ended = runs.filter((run) => {
      if (isOver(run)) return this.#going.delete(run.id);
      this.#going.add(run.id);
      return false;
    });
    const told = ended.filter(({ id }) => isWanted(id));
    for (const { id } of told) setWanted(id, false);
    return told;
  }
}

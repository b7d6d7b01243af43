// What can be done with runs of the list, and what is said about it.

import { signal } from "@preact/signals";
import { againAddress, goTo } from "../address";
import { freshKey, Problem, type Run, retry } from "../api";
import { copyText } from "../clipboard";
import { Ends } from "../tell/ends";
import { askPermission, promiseWords, tellEnd } from "../tell/notice";
import { isWanted, setWanted } from "../tell/told";
import { Marks } from "./marks";

/** What was done is said for so long. */
const SAID_MS = 6_000;

export class Tools {
  readonly marks = new Marks();
  /** Those that are to be cancelled, once somebody says yes. */
  readonly cancelling = signal<readonly Run[]>([]);
  readonly said = signal("");
  readonly problem = signal<Error | null>(null);
  readonly #ends = new Ends();
  #silence: ReturnType<typeof setTimeout> | null = null;
  /** By run: pressed twice, it is one request. */
  readonly #keys = new Map<string, string>();

  /** @param what - What it is, as the beginning of a sentence. */
  async copy(what: string, text: string): Promise<void> {
    this.#say((await copyText(text)) ? `${what} copied` : `Copying failed. It is ${text}`);
  }

  /** To the page of the run that is made. */
  async retry(run: Run): Promise<void> {
    this.problem.value = null;
    const key = this.#keys.get(run.id) ?? freshKey();
    this.#keys.set(run.id, key);
    try {
      const made = await retry(run.id, key);
      this.#keys.delete(run.id);
      goTo(made.id);
    } catch (error) {
      // Its secrets are kept nowhere: the form has the rest.
      if (error instanceof Problem && error.code === "parameters")
        location.assign(againAddress(run.id));
      else this.problem.value = error as Error;
    }
  }

  /** Tell the end of a run, or do not. */
  async tell(run: Run): Promise<void> {
    const wanted = !isWanted(run.id);
    setWanted(run.id, wanted);
    this.#say(
      wanted ? promiseWords(await askPermission()) : "You will not be told when this run ends.",
    );
  }

  /** Runs as they are now: of those that ended, tell what is to be told. */
  look(runs: readonly Run[]): void {
    for (const run of this.#ends.look(runs)) tellEnd(run, () => goTo(run.id));
  }

  #say(words: string): void {
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.said.value = words;
    this.#silence = setTimeout(() => {
      this.said.value = "";
    }, SAID_MS);
  }
}

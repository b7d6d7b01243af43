// What can be done with runs of the list, and what is said about it.

import { signal } from "@preact/signals";
import { againAddress, goTo } from "../address";
import { freshKey, Problem, type Run, retry } from "../api";
import { copyText } from "../clipboard";
import { Marks } from "./marks";

/** What was copied is said for so long. */
const SAID_MS = 4_000;

export class Tools {
  readonly marks = new Marks();
  /** Those that are to be cancelled, once somebody says yes. */
  readonly cancelling = signal<readonly Run[]>([]);
  readonly said = signal("");
  readonly problem = signal<Error | null>(null);
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

  #say(words: string): void {
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.said.value = words;
    this.#silence = setTimeout(() => {
      this.said.value = "";
    }, SAID_MS);
  }
}

// Runs for the command palette: the newest ones at once, others as the server finds them.

import { signal } from "@preact/signals";
import { type Run, runs } from "../api";
import { idQuery } from "../matching";

/** Asked after a pause in the typing. */
const PAUSE_MS = 150;
const NEWEST = 200;
const FOUND = 12;

/** The questions for a text; the answer to each is a list of runs. Pure. */
export function questionsFor(text: string): URLSearchParams[] {
  if (text === "") return [];
  const limit = String(FOUND);
  const questions = [new URLSearchParams({ task: `*${text}*`, limit })];
  if (/^[^:]+:.+$/.test(text)) questions.push(new URLSearchParams({ label: text, limit }));
  const id = idQuery(text);
  if (id !== null) questions.push(new URLSearchParams({ id, limit }));
  return questions;
}

export class RunSearch {
  /** All that came so far, each once. */
  readonly runs = signal<readonly Run[]>([]);
  readonly problem = signal<Error | null>(null);
  readonly #known = new Map<string, Run>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Rises with every text: what was asked for another one is void. */
  #turn = 0;

  /** The newest runs. */
  async newest(): Promise<void> {
    const query = new URLSearchParams({ limit: String(NEWEST) });
    await this.#ask([() => runs(query)], () => true);
  }

  /** Another text was written. */
  written(text: string): void {
    clearTimeout(this.#timer);
    this.#turn += 1;
    const turn = this.#turn;
    if (text === "") return;
    const questions = questionsFor(text).map((query) => () => runs(query));
    this.#timer = setTimeout(() => void this.#ask(questions, () => turn === this.#turn), PAUSE_MS);
  }

  /** The palette was closed. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#turn += 1;
  }

  async #ask(
    questions: readonly (() => Promise<{ readonly runs: readonly Run[] }>)[],
    wanted: () => boolean,
  ): Promise<void> {
    try {
      const answers = await Promise.all(questions.map((ask) => ask()));
      if (!wanted()) return;
      for (const run of answers.flatMap((answer) => answer.runs)) this.#known.set(run.id, run);
      this.runs.value = [...this.#known.values()];
      this.problem.value = null;
    } catch (error) {
      if (wanted()) this.problem.value = error as Error;
    }
  }
}

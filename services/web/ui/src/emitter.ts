// Something that happens again and again, for everybody who wants to hear of it.

export type Listener<A extends readonly unknown[]> = (...args: A) => void;

export class Emitter<A extends readonly unknown[] = []> {
  readonly #listeners = new Set<Listener<A>>();

  /** Call a listener from now on, after those that are there. Returns what ends it. */
  on(listener: Listener<A>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(...args: A): void {
    for (const listener of this.#listeners) listener(...args);
  }
}

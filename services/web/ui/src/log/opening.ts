// Where the log of a run that is over opens: at its first error if the server knows
// of one in time, or if it failed and a line here says that it is one; else at the end. A link to lines goes before.

import { computed, effect } from "@preact/signals";
import { withCommas } from "../numbers";
import type { Follow } from "./follow";
import type { LogModel } from "./model/logmodel";
import type { Announcer } from "./tools/announce";
import type { Navigation } from "./tools/navigation";

/** Later the reader has begun to read where the log opened, and is left there. */
const WITHIN_MS = 3_000;
/** What would jump to the first error is not shown before; but it does not wait longer than this. */
const HELD_MS = 2_000;
/** An event may have opened or closed a section: asked for again after a pause in them. */
const LEARN_AFTER_MS = 500;

export class Opening {
  readonly #model: LogModel;
  readonly #follow: Follow;
  readonly #navigation: Navigation;
  readonly #announcer: Announcer;
  #learned = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The reader came by a link to lines. */
  readonly #linked: () => boolean;
  readonly #hold: (held: boolean) => void;
  readonly #steady: (then: () => void) => void;

  /** `undecided`: the reader has neither moved nor come by a link. `linked`: by a link. `hold`: show no rows for now. `steady`: when they move no more. */
  constructor(
    model: LogModel,
    follow: Follow,
    navigation: Navigation,
    announcer: Announcer,
    undecided: () => boolean,
    linked: () => boolean,
    hold: (held: boolean) => void,
    steady: (then: () => void) => void,
  ) {
    this.#linked = linked;
    this.#hold = hold;
    this.#steady = steady;
    this.#announcer = announcer;
    this.#model = model;
    this.#follow = follow;
    this.#navigation = navigation;
    const begun = computed(() => model.total.value > 0 && follow.opened.value !== null);
    effect(() => {
      void follow.changes.value;
      clearTimeout(this.#timer);
      if (!begun.value) this.#learned = false;
      else if (this.#learned) {
        this.#timer = setTimeout(() => void model.learn(), LEARN_AFTER_MS);
      } else {
        this.#learned = true;
        hold(linked() || (follow.openedOver && undecided()));
        setTimeout(() => hold(false), HELD_MS);
        void this.#first(undecided);
      }
    });
  }

  async #first(undecided: () => boolean): Promise<void> {
    const until = performance.now() + WITHIN_MS;
    await this.#model.learn();
    if (this.#linked()) return this.#steady(() => this.#hold(false));
    if (!this.#follow.openedOver) return this.#hold(false);
    const declared = this.#model.known.errors[0] ?? Number.POSITIVE_INFINITY;
    const stop = effect(() => {
      // Its end comes after its beginning: the last entries may be under way.
      if (this.#model.total.value < declared && this.#follow.phase.value.name !== "over") return;
      queueMicrotask(() => {
        stop();
        const line = this.#model.known.errors[0] ?? this.#detected;
        if (line === undefined || performance.now() >= until || !undecided()) {
          return this.#hold(false);
        }
        this.#navigation.show(line);
        // Once rows have their heights, in the font that they have then.
        void document.fonts.ready.then(() => this.#steady(() => this.#hold(false)));
        this.#announcer.say(`First error, line ${withCommas(line)}`);
      });
    });
  }

  /** Without an error that was declared: the first of the loaded lines that says it is one, if the run failed. */
  get #detected(): number | undefined {
    const succeeded = this.#follow.opened.peek() === "succeeded";
    return succeeded ? undefined : this.#model.detected.lines("error")[0];
  }
}

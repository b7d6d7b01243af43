// The only live regions of the log. Rows are none: a reader would hear every
// scroll. What is said is taken away again, so that it is not met twice.

import { withCommas } from "../../numbers";

const CLEAR_MS = 3_000;
const COUNT_EVERY_MS = 10_000;
const READ_EVERY_MS = 2_000;
const READ_LINES = 20;

export class Announcer {
  /** Read new lines aloud; off until the reader asks. */
  reading = false;
  readonly #status: HTMLElement;
  readonly #log: HTMLElement;
  #lines: string[] = [];
  #more = 0;
  #counted = 0;
  #clearing: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parent: HTMLElement) {
    this.#status = region("status");
    this.#log = region("log");
    parent.append(this.#status, this.#log);
  }

  say(sentence: string): void {
    this.#status.textContent = sentence;
    clearTimeout(this.#clearing);
    this.#clearing = setTimeout(() => {
      this.#status.textContent = "";
    }, CLEAR_MS);
  }

  /** So many new lines are out of sight; said now and then. */
  unseen(lines: number): void {
    const now = Date.now();
    if (now - this.#counted < COUNT_EVERY_MS) return;
    this.#counted = now;
    if (lines > 0) this.say(`${withCommas(lines)} new lines`);
  }

  /** A new line; read with others in a moment. */
  line(text: string): void {
    if (!this.reading) return;
    if (this.#lines.length < READ_LINES) this.#lines.push(text);
    else this.#more += 1;
    this.#timer ??= setTimeout(() => this.#read(), READ_EVERY_MS);
  }

  #read(): void {
    this.#timer = undefined;
    const rows = this.#lines.splice(0).map((text) => {
      const row = document.createElement("p");
      row.textContent = text;
      return row;
    });
    if (this.#more > 0) {
      const row = document.createElement("p");
      row.textContent = `and ${this.#more} more lines`;
      rows.push(row);
    }
    this.#more = 0;
    this.#log.replaceChildren(...rows);
    setTimeout(() => this.#log.replaceChildren(), CLEAR_MS);
  }
}

function region(role: string): HTMLElement {
  const element = document.createElement("div");
  element.setAttribute("role", role);
  element.className = "unseen";
  return element;
}

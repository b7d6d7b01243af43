// At the end of the row under the mouse, or of the one with the focus: when it was written, and a button for its
// fields. One element for all rows.

import { Emitter } from "../../emitter";
import { mayHaveFields } from "../model/fields";
import type { LogModel } from "../model/logmodel";
import type { VirtualList } from "./virtuallist";

export class Aside {
  /** Somebody wants to see the fields of a line. */
  readonly asked = new Emitter<[line: number]>();
  readonly #model: LogModel;
  readonly #list: VirtualList;
  readonly #element = document.createElement("div");
  readonly #time = document.createElement("span");
  readonly #button = document.createElement("button");
  #row: HTMLElement | null = null;
  #line = 0;

  constructor(model: LogModel, list: VirtualList) {
    this.#model = model;
    this.#list = list;
    this.#element.className = "aside";
    this.#element.hidden = true;
    this.#button.type = "button";
    this.#button.textContent = "Fields";
    this.#button.title = "Fields of this JSON object (v)";
    this.#button.addEventListener("click", () => this.asked.emit(this.#line));
    this.#element.append(this.#time, this.#button);
    list.viewport.append(this.#element);
    list.viewport.addEventListener("pointerover", ({ target }) => {
      if (!this.#element.contains(target as Node)) this.#beside(rowAround(target));
    });
    list.viewport.addEventListener("pointerleave", () =>
      this.#beside(rowAround(document.activeElement)),
    );
    list.rows.addEventListener("focusin", ({ target }) => this.#beside(rowAround(target)));
    list.rows.addEventListener("focusout", () => this.#beside(null));
    list.afterRender.on(() => {
      if (this.#row) this.#beside(this.#row.isConnected ? this.#row : null);
    });
  }

  #beside(row: HTMLElement | null): void {
    this.#row = row;
    const at = row === null ? null : this.#list.rendered.rowNumber(row);
    const time = at === null ? "" : this.#model.written(at);
    const shown = at === null ? null : this.#model.rows.at(at);
    const line = shown?.kind === "line" ? shown.line : 0;
    const fields = mayHaveFields(this.#model.lines.get(line) ?? "");
    this.#element.hidden = !time && !fields;
    if (!row || this.#element.hidden) return;
    this.#line = line;
    if (this.#time.textContent !== time) this.#time.textContent = time;
    this.#button.hidden = !fields;
    const edge = this.#list.viewport.getBoundingClientRect().top;
    const top = Math.max(this.#list.cover, row.getBoundingClientRect().top - edge);
    this.#element.style.transform = `translateY(${top}px)`;
  }
}

function rowAround(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>(".row") : null;
}

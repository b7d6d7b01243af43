// The header of the group on the screen, at the viewport's top while its own row is above it.

import { signal } from "@preact/signals";
import type { Group } from "../model/groups";
import type { LogModel } from "../model/logmodel";
import { header, title } from "./row";
import type { VirtualList } from "./virtuallist";

/** The groups around the row below the edge whose headers are above it, the outermost first. */
export function stickyGroups(model: LogModel, row: number, px: number): Group[] {
  // The header covers the row at the edge: what counts is the one below.
  const line = model.lineNear(Math.min(row + 1, model.rows.count - 1));
  return model.groups.around(line).filter((group) => {
    if (group.folded || line < group.first) return false;
    const head = model.headRow(group);
    return head < row || (head === row && px > 0);
  });
}

export class Sticky {
  /** The innermost group at the top of the screen. */
  readonly current = signal<Group | null>(null);
  readonly #model: LogModel;
  readonly #list: VirtualList;
  readonly #element = document.createElement("div");
  #shown = "";

  constructor(model: LogModel, list: VirtualList) {
    this.#model = model;
    this.#list = list;
    this.#element.className = "sticky";
    this.#element.hidden = true;
    list.viewport.prepend(this.#element);
    list.afterRender.on(() => this.#show());
  }

  #show(): void {
    const { row, px } = this.#list.top;
    const groups = stickyGroups(this.#model, row, px);
    const group = groups[groups.length - 1];
    this.current.value = group ?? null;
    const token = group
      ? `${group.id.attempt}-${group.id.seq} ${group.last} ${group.until} ${group.errors} ${group.warnings} ${groups.length}`
      : "";
    if (token === this.#shown) return;
    this.#shown = token;
    this.#element.hidden = !group;
    if (group) {
      const path = groups.map(title).join(" › ");
      this.#element.replaceChildren(...header(group, [path]));
    }
    this.#list.cover = this.#element.offsetHeight;
  }
}

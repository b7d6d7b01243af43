// The header of the group on the screen, at the port's top while its own row is above it.

import type { Group } from "./groups";
import type { List } from "./list";
import { header, title } from "./row";
import type { LogScreen } from "./screen";

/** The groups around the row below the edge whose headers are above it, the outermost first. */
export function stuck(screen: LogScreen, row: number, px: number): Group[] {
  // The header covers the row at the edge: what counts is the one below.
  const line = screen.lineNear(Math.min(row + 1, screen.rows.count - 1));
  return screen.groups.around(line).filter((group) => {
    if (group.folded || line < group.first) return false;
    const head = screen.headRow(group);
    return head < row || (head === row && px > 0);
  });
}

export class Sticky {
  readonly #screen: LogScreen;
  readonly #list: List;
  readonly #element = document.createElement("div");
  #shown = "";

  constructor(screen: LogScreen, list: List) {
    this.#screen = screen;
    this.#list = list;
    this.#element.className = "sticky";
    this.#element.hidden = true;
    list.port.prepend(this.#element);
    list.rendered.on(() => this.#show());
  }

  #show(): void {
    const { row, px } = this.#list.top;
    const groups = stuck(this.#screen, row, px);
    const group = groups[groups.length - 1];
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

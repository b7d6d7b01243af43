// The whole log in 12 pixels beside the scroll bar: errors, warnings, hits, the marked
// lines, groups and cuts. Click or drag goes there. Hidden from those who hear the
// page: `e`, `n` and the group keys lead to the same places.

import { effect, type ReadonlySignal } from "@preact/signals";
import { dark } from "../../theme";
import type { LogModel } from "../model/logmodel";
import { levelsOf } from "../model/standsout";
import type { VirtualList } from "./virtuallist";

export const STRIP_PX = 12;
const EVERY_MS = 250;
/** A mark is at least so high. */
const MARK_PX = 2;

/** Kinds differ by place and width, not by colour alone. Drawn in this order. */
const KINDS = {
  group: { x: 0, width: 2, light: "#818b98", dark: "#656c76" },
  cut: { x: 0, width: 12, light: "#59636e", dark: "#848d97" },
  selected: { x: 9, width: 3, light: "#0550ae", dark: "#79c0ff" },
  hit: { x: 6, width: 3, light: "#6b4600", dark: "#e3b341" },
  warning: { x: 2, width: 3, light: "#7d4e00", dark: "#d29922" },
  error: { x: 2, width: 6, light: "#c0222c", dark: "#ff7b72" },
} as const;

export type Kind = keyof typeof KINDS;

/**
 * The pixel rows in which at least one of the lines lies.
 * `lines`: sorted. `edges`: the first line of each pixel row, and one more at the end.
 */
export function pixels(lines: readonly number[], edges: readonly number[]): number[] {
  const found: number[] = [];
  let at = 0;
  for (let y = 0; y + 1 < edges.length && at < lines.length; y += 1) {
    const end = edges[y + 1] ?? 0;
    if ((lines[at] ?? 0) >= end) continue;
    // A row of a short log is several pixels high: its first one is marked.
    let first = y;
    while (first > 0 && edges[first - 1] === edges[y]) first -= 1;
    found.push(first);
    at = firstFrom(lines, end, at);
  }
  return found;
}

/** Index of the first of the sorted lines that is not below one. */
function firstFrom(lines: readonly number[], line: number, from: number): number {
  let [low, high] = [from, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle] ?? 0) < line) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The hits of a search. */
export interface HitSource {
  readonly open: ReadonlySignal<boolean>;
  /** Changes whenever the hits do. */
  readonly summary: ReadonlySignal<string>;
  /** Sorted. */
  readonly lines: readonly number[];
}

export class Strip {
  readonly #model: LogModel;
  readonly #list: VirtualList;
  readonly #hits: HitSource;
  readonly #canvas = document.createElement("canvas");
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    frame: HTMLElement,
    model: LogModel,
    list: VirtualList,
    hits: HitSource,
    closed: AbortSignal,
  ) {
    this.#model = model;
    this.#list = list;
    this.#hits = hits;
    this.#canvas.className = "strip";
    this.#canvas.setAttribute("aria-hidden", "true");
    frame.append(this.#canvas);
    this.#canvas.addEventListener("pointerdown", (event) => {
      this.#canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
      this.#go(event);
    });
    this.#canvas.addEventListener("pointermove", (event) => {
      if (this.#canvas.hasPointerCapture(event.pointerId)) this.#go(event);
    });
    new ResizeObserver(() => this.#schedule()).observe(this.#canvas);
    const stop = effect(() => {
      void [dark.value, model.total.value, model.outlineChanges.value, model.marked.value];
      void [hits.summary.value, hits.open.value];
      this.#schedule();
    });
    closed.addEventListener("abort", stop);
  }

  #go(event: PointerEvent): void {
    const box = this.#canvas.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientY - box.top) / box.height));
    this.#list.toRow(Math.floor(part * (this.#model.rows.count - 1)), 1 / 2);
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#draw();
    }, EVERY_MS);
  }

  /** Lines of each kind, sorted. */
  #lines(): Record<Kind, readonly number[]> {
    const { groups, rows } = this.#model;
    const known: Record<"error" | "warning", number[]> = { error: [], warning: [] };
    for (const [line, level] of levelsOf(this.#model)) known[level].push(line);
    const cut: number[] = [];
    for (const note of rows.notes) {
      if (note.kind === "cut") cut.push(note.at);
      else if (note.level === "error") known.error.push(note.at);
    }
    const sorted = (lines: number[]) => lines.sort((a, b) => a - b);
    return {
      group: sorted(groups.all.map((group) => group.head ?? group.first)),
      cut,
      selected: [],
      hit: this.#hits.open.peek() ? this.#hits.lines : [],
      warning: sorted(known.warning),
      error: sorted(known.error),
    };
  }

  #draw(): void {
    const height = this.#canvas.clientHeight;
    const context = this.#canvas.getContext("2d");
    if (height === 0 || !context) return;
    const ratio = devicePixelRatio;
    this.#canvas.width = Math.round(STRIP_PX * ratio);
    this.#canvas.height = Math.round(height * ratio);
    context.scale(ratio, ratio);
    const { rows, marked } = this.#model;
    const { count } = rows;
    if (count === 0) return;
    const edges = Array.from({ length: height }, (_, y) =>
      this.#model.lineNear(Math.floor((y / height) * count)),
    );
    edges.push(Number.POSITIVE_INFINITY);
    const lines = this.#lines();
    for (const name of Object.keys(KINDS) as Kind[]) {
      const kind = KINDS[name];
      context.fillStyle = dark.peek() ? kind.dark : kind.light;
      for (const y of pixels(lines[name], edges)) context.fillRect(kind.x, y, kind.width, MARK_PX);
      const range = marked.peek();
      if (name !== "selected" || !range) continue;
      const [top, bottom] = [range.first, range.last].map(
        (line) => (rows.rowOf(line) / count) * height,
      );
      const high = Math.max(2 * MARK_PX, (bottom ?? 0) - (top ?? 0));
      context.fillRect(kind.x, top ?? 0, kind.width, high);
    }
  }
}

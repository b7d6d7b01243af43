// One row as elements: number, time, text in runs, marks. Text nodes only.

import { css, paint, type Theme } from "../palette";
import { grouped } from "../protocol/view";
import { duration } from "../time";
import {
  BOLD,
  DIM,
  HIDDEN,
  ITALIC,
  type Run,
  STRIKE,
  type Style,
  tokenise,
  UNDERLINE,
  visible,
} from "./ansi";
import type { Span } from "./finding";
import type { Group } from "./groups";
import { addresses } from "./links";
import type { LiveLine } from "./messages";
import type { Note } from "./rows";

/** A line longer than this is drawn cut. */
export const SHOWN_CHARACTERS = 4_096;

export type RowModel =
  | {
      readonly kind: "line";
      readonly line: number;
      /** Undefined while it is not here. */
      readonly text: string | undefined;
      /** What is said instead of a text that could not be loaded. */
      readonly missing: string;
      readonly style: Style;
      readonly continues: boolean;
      readonly time: string;
      readonly level: "warning" | "error" | null;
      readonly group: Group | null;
      readonly spans: readonly Span[];
      readonly current: boolean;
      readonly marked: boolean;
      readonly whole: boolean;
      readonly total: number;
    }
  | {
      readonly kind: "note";
      readonly note: Note;
      readonly group: Group | null;
      readonly time: string;
    }
  | {
      readonly kind: "live";
      readonly text: string;
      readonly progress: LiveLine["progress"];
    };

/** What a row shows, as far as it can change: an element is drawn anew when this does. */
export function token(row: RowModel, theme: Theme): string {
  const group = row.kind === "live" ? null : row.group;
  const fold = group
    ? `${group.folded}${group.last}${group.until}${group.unclosed}${group.errors},${group.warnings}`
    : "";
  if (row.kind === "line") {
    const { style } = row;
    const flags = `${row.text !== undefined}${row.missing}${row.continues}${row.level}${row.current}${row.marked}${row.whole}`;
    const look = `${style.fg},${style.bg},${style.flags},${style.href}`;
    return `${theme.name}${flags}|${look}|${row.time}|${fold}|${row.spans.join(";")}|${row.total}`;
  }
  if (row.kind === "note") return `${row.time}|${fold}`;
  return `${row.text}|${row.progress?.value}|${row.progress?.text}`;
}

function make(tag: string, className: string, text = ""): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  if (text) element.append(text);
  return element;
}

/** Put a row's content into its element. */
export function fill(element: HTMLElement, row: RowModel, theme: Theme): void {
  element.setAttribute("role", "listitem");
  switch (row.kind) {
    case "line":
      fillLine(element, row, theme);
      break;
    case "note": {
      const { note } = row;
      element.className = `row ${note.kind} ${note.level}${row.group ? " head" : ""}`;
      const text = make("span", "text");
      text.append(...(row.group ? header(row.group, row.group.title) : [visible(note.text)]));
      element.replaceChildren(make("span", "number"), ...timeOf(row.time), text);
      break;
    }
    case "live":
      fillLive(element, row, theme);
  }
}

function timeOf(time: string): HTMLElement[] {
  return time ? [make("span", "at", time)] : [];
}

function fillLine(
  element: HTMLElement,
  row: Extract<RowModel, { kind: "line" }>,
  theme: Theme,
): void {
  const names = ["row line"];
  if (row.continues) names.push("continues");
  if (row.level) names.push(row.level);
  if (row.marked) names.push("marked");
  if (row.group) names.push("head");
  if (row.current) names.push("current");
  element.className = names.join(" ");
  element.id = `L${row.line}`;
  element.setAttribute("aria-posinset", String(row.line));
  element.setAttribute("aria-setsize", String(row.total));
  const number = document.createElement("a");
  number.className = "number";
  number.href = `#L${row.line}`;
  number.tabIndex = -1;
  number.textContent = String(row.line);
  // What is heard contains what is seen, for those who say it.
  number.setAttribute("aria-label", `line ${row.line}`);
  const text = make("span", "text");
  const parts: (HTMLElement | Text)[] = [number, ...timeOf(row.time), text];
  if (row.level) {
    const word = row.level === "error" ? "error" : "warning";
    const sign = make("span", "sign", row.level === "error" ? "✗" : "!");
    sign.title = word;
    sign.setAttribute("role", "img");
    sign.setAttribute("aria-label", word);
    parts.splice(1, 0, sign);
  }
  if (row.text === undefined) {
    text.append(row.missing || "·");
    element.classList.add(row.missing ? "failed" : "hole");
  } else if (row.group) {
    text.append(...header(row.group, row.group.title));
  } else {
    // What the log is told in the line is said in words; what follows is the line's own.
    const told = row.level ? `::${row.level}::` : "";
    const marked = told !== "" && row.text.startsWith(told);
    if (marked) text.append(make("b", "told", row.level === "error" ? "Error: " : "Warning: "));
    const { runs } = tokenise(marked ? row.text.slice(told.length) : row.text, row.style);
    const spans = marked
      ? row.spans.map(([from, to]): Span => [from - told.length, to - told.length])
      : row.spans;
    const more = draw(text, runs, spans, row.whole, theme);
    if (more > 0) {
      const button = make("button", "more", `… ${grouped(more)} more characters, show`);
      button.dataset["show"] = String(row.line);
      parts.push(button);
    }
  }
  element.replaceChildren(...parts);
}

/** The header of a group: a button that folds it, and what is inside. */
export function header(group: Group, title: string): (HTMLElement | string)[] {
  const button = make("button", "fold");
  button.setAttribute("aria-expanded", String(!group.folded));
  button.dataset["fold"] = `${group.id.attempt}-${group.id.seq}`;
  const arrow = make("span", "arrow", group.folded ? "▸" : "▾");
  arrow.setAttribute("aria-hidden", "true");
  button.append(arrow, ` ${visible(title) || "section"}`);
  const facts: string[] = [];
  const lines = group.last - group.first + 1;
  if (Number.isFinite(lines)) facts.push(lines === 1 ? "1 line" : `${grouped(lines)} lines`);
  if (group.until === null) facts.push("not ended");
  // How long it took nobody knows.
  else if (group.unclosed) facts.push("never closed");
  else if (group.until - group.since >= 1000) facts.push(duration(group.until - group.since));
  if (group.errors > 0) facts.push(group.errors === 1 ? "1 error" : `${group.errors} errors`);
  if (group.warnings > 0)
    facts.push(group.warnings === 1 ? "1 warning" : `${group.warnings} warnings`);
  return [button, make("span", "facts", ` · ${facts.join(" · ")}`)];
}

function fillLive(
  element: HTMLElement,
  live: Extract<RowModel, { kind: "live" }>,
  theme: Theme,
): void {
  element.className = "row live";
  const number = make("span", "number", "…");
  number.setAttribute("aria-hidden", "true");
  const text = make("span", "text");
  if (live.progress) {
    const progress = document.createElement("progress");
    progress.max = 1;
    if (live.progress.value !== undefined) progress.value = live.progress.value;
    progress.setAttribute("aria-label", visible(live.progress.text || "progress"));
    text.append(progress, ` ${visible(live.progress.text ?? "")} `);
  }
  draw(text, tokenise(live.text).runs, [], false, theme);
  element.replaceChildren(number, text);
}

/** Draw runs into an element; returns how many characters are left out. */
function draw(
  into: HTMLElement,
  runs: readonly Run[],
  spans: readonly Span[],
  whole: boolean,
  theme: Theme,
): number {
  const limit = whole ? Number.POSITIVE_INFINITY : SHOWN_CHARACTERS;
  let at = 0;
  let more = 0;
  for (const run of runs) {
    const shown = at >= limit ? "" : run.text.slice(0, limit - at);
    more += run.text.length - shown.length;
    if (shown) into.append(...drawRun(shown, run.style, at, spans, theme));
    at += run.text.length;
  }
  return more;
}

function drawRun(
  text: string,
  style: Style,
  at: number,
  spans: readonly Span[],
  theme: Theme,
): (HTMLElement | Text)[] {
  const plainLook = style.fg === -1 && style.bg === -1 && style.flags === 0;
  if (style.href) {
    const link = anchor(style.href);
    dress(link, style, theme);
    link.append(...marked(text, at, spans));
    return [link];
  }
  const parts: (HTMLElement | Text)[] = [];
  let done = 0;
  for (const [from, to] of addresses(text)) {
    parts.push(...marked(text.slice(done, from), at + done, spans));
    const link = anchor(text.slice(from, to));
    link.append(...marked(text.slice(from, to), at + from, spans));
    parts.push(link);
    done = to;
  }
  parts.push(...marked(text.slice(done), at + done, spans));
  if (plainLook) return parts;
  const span = document.createElement("span");
  dress(span, style, theme);
  span.append(...parts);
  return [span];
}

function anchor(href: string): HTMLAnchorElement {
  const link = document.createElement("a");
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
  link.title = href;
  link.className = "address";
  return link;
}

/** Text with the hits of a search in it as marks. */
function marked(text: string, at: number, spans: readonly Span[]): (HTMLElement | Text)[] {
  if (text === "") return [];
  const parts: (HTMLElement | Text)[] = [];
  let done = 0;
  for (const [from, to] of spans) {
    const a = Math.max(done, from - at);
    const b = Math.min(text.length, to - at);
    if (b <= a) continue;
    if (a > done) parts.push(document.createTextNode(text.slice(done, a)));
    const mark = document.createElement("mark");
    mark.append(text.slice(a, b));
    parts.push(mark);
    done = b;
  }
  if (done < text.length) parts.push(document.createTextNode(text.slice(done)));
  return parts;
}

function dress(element: HTMLElement, style: Style, theme: Theme): void {
  const { flags } = style;
  const { fg, bg } = paint(style, theme);
  if (fg !== null) element.style.color = css(fg);
  if (bg !== null) element.style.backgroundColor = css(bg);
  if (flags & BOLD) element.classList.add("bold");
  if (flags & DIM) element.classList.add("dim");
  if (flags & ITALIC) element.classList.add("italic");
  if (flags & UNDERLINE) element.classList.add("underline");
  if (flags & STRIKE) element.classList.add("strike");
  if (flags & HIDDEN) element.classList.add("concealed");
}

// One row as elements: number, time, text in runs, marks. Text nodes only.

import { drawnIcon } from "../../design/drawnicon";
import { withCommas } from "../../numbers";
import { duration } from "../../time";
import { annotationOf, decoded, shownSpans } from "../model/annotation";
import { plain, tokenise, visible } from "../model/ansi";
import { ALONE } from "../model/continuation";
import type { Group } from "../model/groups";
import { type RowModel, SHOWN_CHARACTERS } from "../model/rowmodel";
import type { Span } from "../model/search";
import { PLAIN, type Style } from "../model/style";
import type { Theme } from "./palette";
import { draw, drawTitle, marked } from "./rowtext";

/** What a row shows, as far as it can change: an element is drawn anew when this does. */
export function token(row: RowModel, theme: Theme): string {
  const group = row.kind === "live" ? null : row.group;
  const fold = group
    ? `${group.folded}${group.last}${group.until}${group.unclosed}${group.errors},${group.warnings}`
    : "";
  if (row.kind === "line") {
    const flags = `${row.text !== undefined}${row.missing}${row.continues}${row.level}${row.detected}${row.library}${row.current}${row.marked}${row.whole}`;
    const around = `${row.context.before.length},${row.context.after.length}`;
    return `${theme.name}${flags}|${look(row.style)}|${around}|${row.time}|${fold}|${row.spans.join(";")}|${row.total}`;
  }
  if (row.kind === "note") return `${theme.name}${row.time}|${fold}`;
  return `${theme.name}${look(row.style)}|${row.line}|${row.text}|${row.progress?.value}|${row.progress?.text}`;
}

function look({ fg, bg, flags, href }: Style): string {
  return `${fg},${bg},${flags},${href}`;
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
      text.append(
        ...(row.group
          ? header(row.group, titleParts(row.group, PLAIN, theme))
          : [visible(note.text)]),
      );
      element.replaceChildren(make("span", "number"), ...timeOf(row.time), text);
      standsFor(element, note.at, note.to);
      break;
    }
    case "live":
      fillLive(element, row, theme);
      standsFor(element, row.line, row.line - 1);
  }
}

/** Between which lines a row stands that is none: a selection may begin or end in it. */
function standsFor(element: HTMLElement, first: number, last: number): void {
  element.dataset["first"] = String(first);
  element.dataset["last"] = String(last);
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
  if (row.detected) names.push(`detected-${row.detected}`);
  if (row.library) names.push("library");
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
  if (row.continues) number.append(drawnIcon("continues"));
  // What is heard contains what is seen, for those who say it.
  number.setAttribute("aria-label", `line ${row.line}`);
  const text = make("span", "text");
  const parts: (HTMLElement | Text)[] = [number, ...timeOf(row.time), text];
  if (row.level) {
    const word = row.level === "error" ? "error" : "warning";
    const sign = make("span", "sign");
    sign.append(drawnIcon(row.level));
    sign.title = word;
    sign.setAttribute("role", "img");
    sign.setAttribute("aria-label", word);
    parts.splice(1, 0, sign);
  }
  if (row.text === undefined) {
    text.append(row.missing || "·");
    element.classList.add(row.missing ? "failed" : "hole");
  } else if (row.group) {
    text.append(...header(row.group, titleParts(row.group, row.style, theme)));
  } else {
    // A mark of an error or a warning is shown in words; what follows it is the line's own.
    const annotation = row.level ? annotationOf(row.text) : null;
    let { runs } = tokenise(annotation ? row.text.slice(annotation.length) : row.text, row.style);
    let spans = row.spans;
    const shown = row.whole ? Number.POSITIVE_INFINITY : SHOWN_CHARACTERS;
    if (annotation) {
      const read = decoded(annotation, runs);
      runs = read.runs;
      spans = shownSpans(read.swaps, row.spans);
      const word = make("b", "annotation");
      word.append(...marked(annotation.words, 0, spans));
      text.append(word);
      text.dataset["swaps"] = JSON.stringify(read.swaps);
      spans = spans.map(
        ([from, to]): Span => [from - annotation.words.length, to - annotation.words.length],
      );
    }
    const more = draw(text, runs, spans, row.context, shown, theme);
    if (more > 0) {
      const button = make("button", "more", `… show ${withCommas(more)} more characters`);
      button.dataset["show"] = String(row.line);
      parts.push(button);
    }
  }
  element.replaceChildren(...parts);
}

/** What a group is called, as it was written: it may be in colour. */
export function title(group: Group): string {
  return plain(group.title) || "section";
}

function titleParts(group: Group, style: Style, theme: Theme): readonly (Node | string)[] {
  const parts = drawTitle(group.title, style, theme);
  return parts.length > 0 ? parts : [title(group)];
}

/** The header of a group: a button that folds it, and what is inside. */
export function header(group: Group, title: readonly (Node | string)[]): (HTMLElement | string)[] {
  const button = make("button", "fold");
  button.setAttribute("aria-expanded", String(!group.folded));
  button.dataset["fold"] = `${group.id.attempt}-${group.id.seq}`;
  button.append(drawnIcon(group.folded ? "folded" : "open"), ...title);
  const facts: string[] = [];
  const lines = group.last - group.first + 1;
  if (Number.isFinite(lines)) facts.push(lines === 1 ? "1 line" : `${withCommas(lines)} lines`);
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
  const number = make("span", "number");
  number.append(drawnIcon("more"));
  const text = make("span", "text");
  if (live.progress) {
    const progress = document.createElement("progress");
    progress.max = 1;
    if (live.progress.value !== undefined) progress.value = live.progress.value;
    progress.setAttribute("aria-label", visible(live.progress.text || "progress"));
    text.append(progress, ` ${visible(live.progress.text ?? "")} `);
  }
  draw(text, tokenise(live.text, live.style).runs, [], ALONE, SHOWN_CHARACTERS, theme);
  element.replaceChildren(number, text);
}

// Runs of text as elements: colours, links, the hits of a search. Text nodes only.

import { tokenise } from "../model/ansi";
import type { Run } from "../model/cells";
import type { Context } from "../model/continuation";
import { addresses } from "../model/links";
import type { Span } from "../model/search";
import { BOLD, DIM, HIDDEN, ITALIC, STRIKE, type Style, UNDERLINE } from "../model/style";
import { css, paint, type Theme } from "./palette";

interface Link {
  readonly from: number;
  readonly to: number;
  readonly href: string;
}

/** Draw runs into an element, up to a limit; returns how many characters are left out. */
export function draw(
  into: HTMLElement,
  runs: readonly Run[],
  spans: readonly Span[],
  context: Context,
  limit: number,
  theme: Theme,
): number {
  const text = runs.map((run) => run.text).join("");
  const found = addressesIn(text, context);
  let link = null as Link | null;
  let element: HTMLElement = into;
  let at = 0;
  let next = 0;
  for (const { style, text: written } of runs) {
    const end = Math.min(at + written.length, limit);
    for (let from = at; from < end; ) {
      while ((found[next]?.to ?? Number.POSITIVE_INFINITY) <= from) next += 1;
      // A link of the output's own goes before an address in its text.
      const ahead = style.href ? { from: 0, to: end, href: style.href } : found[next];
      const here = ahead && ahead.from <= from ? ahead : null;
      if (here?.href !== link?.href || here?.from !== link?.from) {
        link = here;
        element = here ? anchor(here.href) : into;
        if (here) into.append(element);
      }
      const to = Math.min(end, (here ? here.to : ahead?.from) ?? end);
      element.append(...dressed(marked(text.slice(from, to), from, spans), style, theme));
      from = to;
    }
    at += written.length;
  }
  return Math.max(0, at - limit);
}

/** A title in its colours; it is no place for links. */
export function drawTitle(title: string, style: Style, theme: Theme): (HTMLElement | Text)[] {
  return tokenise(title, style).runs.flatMap((run) =>
    dressed([document.createTextNode(run.text)], run.style, theme),
  );
}

/** Addresses in a text, whole though pieces of them stand in the rows around. */
function addressesIn(text: string, { before, after }: Context): readonly Link[] {
  const all = `${before}${text}${after}`;
  return addresses(all).map(([from, to]) => ({
    from: from - before.length,
    to: to - before.length,
    href: all.slice(from, to),
  }));
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
export function marked(text: string, at: number, spans: readonly Span[]): (HTMLElement | Text)[] {
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

function dressed(
  parts: (HTMLElement | Text)[],
  style: Style,
  theme: Theme,
): (HTMLElement | Text)[] {
  const { flags } = style;
  if (style.fg === -1 && style.bg === -1 && flags === 0) return parts;
  const span = document.createElement("span");
  const { fg, bg } = paint(style, theme);
  if (fg !== null) span.style.color = css(fg);
  if (bg !== null) span.style.backgroundColor = css(bg);
  if (flags & BOLD) span.classList.add("bold");
  if (flags & DIM) span.classList.add("dim");
  if (flags & ITALIC) span.classList.add("italic");
  if (flags & UNDERLINE) span.classList.add("underline");
  if (flags & STRIKE) span.classList.add("strike");
  if (flags & HIDDEN) span.classList.add("concealed");
  span.append(...parts);
  return [span];
}

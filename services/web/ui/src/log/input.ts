// What is pressed in a log, with the mouse and on the keyboard, as what it does.

import type { Action, Keyboard } from "../keys";
import type { VirtualList } from "./drawing/virtuallist";
import type { LineRange } from "./model/links";
import type { LogModel } from "./model/logmodel";
import type { Place } from "./place";
import type { Find } from "./tools/find";
import type { Navigation } from "./tools/navigation";

/** What it is done to. */
interface Log {
  readonly model: LogModel;
  readonly list: VirtualList;
  readonly find: Find;
  readonly navigation: Navigation;
  readonly keyboard: Keyboard;
  readonly help: { peek(): boolean };
  act(action: Action): void;
  mark(range: LineRange | null): void;
  goTo(range: LineRange): void;
}

export function listen(log: Log, scroller: HTMLElement, place: Place, run: string): void {
  document.addEventListener("keydown", (event) => pressed(log, scroller, place, event), {
    signal: place.closed,
  });
  scroller.addEventListener("click", (event) => clicked(log, scroller, event));
  // Where a link is opened elsewhere, or its address copied, it must lead to this log.
  scroller.addEventListener("pointerdown", ({ target }) => {
    const number = (target as HTMLElement).closest<HTMLAnchorElement>("a.number");
    const line = Number(number?.textContent);
    if (number) number.href = place.link(run, { first: line, last: line });
  });
}

function pressed(log: Log, scroller: HTMLElement, place: Place, event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  const typing = target.closest("input, select, textarea, dialog") !== null;
  const inLog = scroller.contains(target) || target === document.body;
  if (event.defaultPrevented || !place.hasKeys()) return;
  if (typing) {
    // A second Ctrl-F is the browser's own.
    if (event.key === "Escape" && target.closest(".find")) log.act("escape");
    return;
  }
  const onButton = target.closest("button, a") !== null && /^( |Enter)$/.test(event.key);
  if (onButton) return;
  const action = log.keyboard.action(event, performance.now());
  if (action === null || (action === "select-all" && !inLog)) return;
  if (action === "escape" && log.help.peek()) return;
  event.preventDefault();
  log.act(action);
}

function clicked(log: Log, scroller: HTMLElement, event: MouseEvent): void {
  const target = event.target as HTMLElement;
  const number = target.closest<HTMLAnchorElement>("a.number");
  if (number && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    log.list.pause();
    numberClicked(log, Number(number.textContent), event.shiftKey);
    scroller.focus({ preventScroll: true });
    return;
  }
  const fold = target.closest<HTMLElement>("[data-fold]")?.dataset["fold"];
  if (fold) {
    const [attempt, seq] = fold.split("-").map(Number);
    const group = log.model.folds.of({ attempt: attempt ?? 0, seq: seq ?? 0 });
    log.list.pause();
    if (group) log.navigation.fold(group);
  }
  const whole = target.closest<HTMLElement>("[data-show]")?.dataset["show"];
  if (whole) {
    log.list.pause();
    log.model.showWhole(Number(whole));
  }
}

function numberClicked(log: Log, line: number, further: boolean): void {
  if (log.find.only.peek() && !further) {
    log.find.showOnly(false);
    log.goTo({ first: line, last: line });
    return;
  }
  const marked = log.model.marked.peek();
  const from = further && marked ? marked.first : line;
  log.mark({ first: Math.min(from, line), last: Math.max(from, line) });
}

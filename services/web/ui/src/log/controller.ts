// The log view of one run: its parts put together, and what keys and buttons do.

import { effect, signal } from "@preact/signals";
import { type Action, Keyboard } from "../keys";
import { backToRuns } from "../leftlist";
import { withCommas } from "../numbers";
import { settings } from "../settings";
import type { Tail } from "../socket";
import { dark } from "../theme";
import { Aside } from "./drawing/aside";
import { DARK, LIGHT } from "./drawing/palette";
import { whenSteady } from "./drawing/steady";
import { Sticky } from "./drawing/sticky";
import { Strip } from "./drawing/strip";
import { VirtualList } from "./drawing/virtuallist";
import { Follow } from "./follow";
import { listen } from "./input";
import { plain } from "./model/ansi";
import { fieldsOf } from "./model/fields";
import type { Group } from "./model/groups";
import type { LineRange } from "./model/links";
import { LogModel } from "./model/logmodel";
import { nextMode, TIME_MODES } from "./model/times";
import { Opening } from "./opening";
import type { Place } from "./place";
import { Announcer } from "./tools/announce";
import { Find } from "./tools/find";
import { RowFocus } from "./tools/focus";
import { Navigation } from "./tools/navigation";
import { Print } from "./tools/print";
import { TextSelection } from "./tools/select";

const VERIFY_LINES = 5_000;

/** Keys of one letter are on, in every log of the page. */
const single = signal(settings.single ?? true);

export class LogController {
  readonly model: LogModel;
  readonly list: VirtualList;
  readonly follow: Follow;
  readonly find: Find;
  readonly selection: TextSelection;
  readonly announcer: Announcer;
  readonly focus: RowFocus;
  readonly navigation: Navigation;
  readonly sticky: Sticky;
  readonly keyboard = new Keyboard();
  readonly wrap = signal(settings.wrap ?? true);
  readonly single = single;
  readonly reading = signal(false);
  readonly full = signal(false);
  readonly help = signal(false);
  /** The line whose fields are shown. */
  readonly fields = signal<{ readonly line: number; readonly text: string } | null>(null);
  readonly goToOpen = signal(false);
  /** A line that was asked for and is not written yet. */
  readonly awaited = signal(0);
  readonly verifying = signal(false);
  readonly notice = signal("");
  readonly #run: string;
  readonly #scroller: HTMLElement;
  readonly #place: Place;

  constructor(run: string, tail: Tail, scroller: HTMLElement, place: Place) {
    this.#run = run;
    this.#scroller = scroller;
    this.#place = place;
    const { closed } = place;
    /** What depends on more than this log ends with it. */
    const whileOpen = (react: () => void) => closed.addEventListener("abort", effect(react));
    const theme = () => (dark.peek() ? DARK : LIGHT);
    this.model = new LogModel(run);
    this.list = new VirtualList(scroller, this.model, theme(), closed);
    this.model.attach(this.list);
    this.model.timeMode.value = TIME_MODES.find((mode) => mode === settings.time) ?? "off";
    this.announcer = new Announcer(scroller.parentElement ?? document.body);
    this.find = new Find(this.model, run);
    this.selection = new TextSelection(this.model, this.list, place);
    this.model.grown.on((first, last) => this.#onNewLines(first, last));
    this.list.followed.on((following) => {
      if (!following) this.model.paused();
      else this.model.newLines.value = 0;
      this.announcer.say(following ? "Following the end" : "Paused");
    });
    this.follow = new Follow(run, tail, this.model, closed);
    this.model.proveWith(this.follow);
    whileOpen(() => {
      void dark.value;
      this.list.theme = theme();
      this.list.redraw();
    });
    whileOpen(() => {
      this.keyboard.single = single.value;
    });
    effect(() => this.model.setLive(this.follow.live.value));
    effect(() => {
      this.list.wrap = this.wrap.value;
      this.list.redraw();
    });
    effect(() => {
      void this.model.timeMode.value;
      void this.model.marked.value;
      this.list.schedule();
    });
    this.focus = new RowFocus(this.model, this.list);
    this.navigation = new Navigation(
      this.model,
      this.list,
      (sentence) => this.#say(sentence),
      () => this.focus.line,
    );
    new Opening(
      this.model,
      this.follow,
      this.navigation,
      this.announcer,
      () => this.list.following.peek() && !this.find.open.peek() && place.asked() === null,
      () => place.asked() !== null,
      (held) => scroller.classList.toggle("held", held),
      (then) => whenSteady(scroller, then),
    );
    effect(() => {
      this.model.over = this.follow.phase.value.name === "over";
      this.list.schedule();
    });
    effect(() => {
      if (this.follow.skips.value > 0)
        this.#say("Skipped to the newest lines. Earlier ones load as you scroll.");
    });
    this.sticky = new Sticky(this.model, this.list);
    new Aside(this.model, this.list).asked.on((line) => this.showFields(line));
    if (scroller.parentElement) {
      new Strip(scroller.parentElement, this.model, this.list, this.find, closed);
      new Print(scroller.parentElement, run, this.model, this.list, closed);
    }
    listen(this, scroller, place, run);
    window.addEventListener("hashchange", () => this.#fromAddress(), { signal: closed });
    this.#fromAddress();
  }

  act(action: Action): void {
    const { list, find, navigation } = this;
    const page = Math.max(1, list.rowsPerPage - 1);
    const half = Math.max(1, Math.floor(list.rowsPerPage / 2));
    const steps: Partial<Record<Action, () => void>> = {
      down: () => this.focus.move(1),
      up: () => this.focus.move(-1),
      "extend-down": () => this.#extend(1),
      "extend-up": () => this.#extend(-1),
      choose: () => this.#choose(),
      "page-down": () => list.moveRows(page),
      "page-up": () => list.moveRows(-page),
      "half-down": () => list.moveRows(half),
      "half-up": () => list.moveRows(-half),
      first: () => list.toRow(0),
      last: () => list.toEnd(),
      follow: () => (list.following.peek() ? list.pause() : list.toEnd()),
      find: () => this.openFind(),
      only: () => this.#toggleOnly(),
      "next-hit": () => find.step(true),
      "previous-hit": () => find.step(false),
      "next-error": () => this.#moved(navigation.toError(true)),
      "previous-error": () => this.#moved(navigation.toError(false)),
      "previous-group": () => this.#moved(navigation.toGroup(false)),
      "next-group": () => this.#moved(navigation.toGroup(true)),
      fold: () => this.#refocused(() => navigation.foldHere()),
      "fold-all": () => this.#refocused(() => navigation.foldAll()),
      wrap: () => this.setWrap(!this.wrap.peek()),
      time: () => this.nextTime(),
      full: () => {
        this.full.value = !this.full.peek();
      },
      "go-to": () => {
        this.goToOpen.value = true;
      },
      fields: () => this.showFields(this.focus.line ?? this.#here.first),
      "copy-link": () => void this.copyLink(),
      "copy-text": () => void this.selection.copyLines(this.#here),
      "select-all": () => this.selection.selectAll(),
      back: backToRuns,
      help: () => {
        this.help.value = true;
      },
      escape: () => this.#escape(),
    };
    steps[action]?.();
  }

  openFind(): void {
    this.find.open.value = true;
    requestAnimationFrame(() => {
      const pane = this.#scroller.closest(".pane");
      const input = pane?.querySelector<HTMLInputElement>(".find input[type=search]");
      input?.focus();
      input?.select();
    });
  }

  #toggleOnly(): void {
    const { find } = this;
    if (!find.open.peek()) this.openFind();
    find.showOnly(!find.only.peek());
  }

  setWrap(wanted: boolean): void {
    this.wrap.value = wanted;
    settings.wrap = wanted;
  }

  nextTime(): void {
    this.model.timeMode.value = nextMode(this.model.timeMode.peek());
    settings.time = this.model.timeMode.peek();
  }

  setSingle(wanted: boolean): void {
    this.single.value = wanted;
    settings.single = wanted;
  }

  setReading(wanted: boolean): void {
    this.reading.value = wanted;
    this.announcer.reading = wanted;
  }

  /** Mark lines; on a page of its own, the address names them. */
  mark(range: LineRange | null): void {
    this.model.marked.value = range;
    this.#place.marked(range);
  }

  goTo(range: LineRange): void {
    this.mark(range);
    const total = this.model.total.peek();
    this.awaited.value = range.first > total ? range.first : 0;
    if (range.first <= total) this.model.goTo(range.first);
  }

  /** Show where a group begins. */
  showGroup(group: Group): void {
    this.showPlace(group.head ?? group.first);
  }

  /** Show a line, or the event before it, without marking anything. */
  showPlace(line: number): void {
    this.list.pause();
    this.model.goTo(Math.min(line, this.model.total.peek()));
  }

  /** Show a line that stands out, as the keys for errors do. */
  showLine(line: number): void {
    this.list.pause();
    this.navigation.show(line);
  }

  /** Show the fields of a line that is a JSON object. */
  showFields(line: number): void {
    const text = this.model.lines.get(line) ?? "";
    if (fieldsOf(text)) this.fields.value = { line, text };
    else this.#say(`Line ${withCommas(line)} is no JSON object`);
  }

  async copyLink(): Promise<void> {
    await this.selection.copyText(this.#place.link(this.#run, this.#here), "Link copied");
  }

  /** Check everything before the part that is checked already; its text is not kept. */
  async verifyAll(): Promise<void> {
    this.verifying.value = true;
    this.model.keepText(false);
    try {
      while (this.follow.range.peek().from > 1 && this.verifying.peek()) {
        const before = this.follow.range.peek().from;
        await this.follow.loadBefore(VERIFY_LINES);
        if (this.follow.range.peek().from >= before) break;
      }
    } catch (error) {
      this.notice.value = (error as Error).message;
    }
    this.model.keepText(true);
    this.verifying.value = false;
  }

  get #here(): LineRange {
    const line = this.focus.line ?? this.model.firstVisible;
    return this.model.marked.peek() ?? { first: line, last: line };
  }

  #extend(by: 1 | -1): void {
    const range = this.focus.extend(by, this.model.marked.peek());
    if (range) this.mark(range);
  }

  /** Enter on a row: the header of a group folds it, a line is marked. */
  #choose(): void {
    const { row, line } = this.focus;
    if (row === null || line === null) return;
    const model = this.model.rowModel(row);
    if (model.kind === "live") return;
    const { group } = model;
    if (group) this.#refocused(() => this.navigation.fold(group));
    else if (model.kind === "line") this.mark({ first: line, last: line });
  }

  /** A row that is folded away leaves the focus to the group's header. */
  #refocused(fold: () => void): void {
    fold();
    const { row } = this.focus;
    if (row !== null) this.focus.to(row);
  }

  /** The focus goes along if it was in a row. */
  #moved(there: boolean): void {
    const { model, focus } = this;
    if (there && focus.row !== null) focus.to(model.rows.rowOf(model.current));
  }

  #fromAddress(): void {
    const range = this.#place.asked();
    if (!range) return;
    this.list.pause();
    this.goTo(range);
  }

  #escape(): void {
    if (this.find.open.peek()) {
      this.find.close();
      this.#scroller.focus({ preventScroll: true });
    } else if (this.full.peek()) this.full.value = false;
    else {
      this.selection.clear();
      this.mark(null);
    }
  }

  #say(sentence: string): void {
    this.notice.value = sentence;
    this.announcer.say(sentence);
  }

  #onNewLines(first: number, last: number): void {
    if (this.awaited.peek() && last >= this.awaited.peek()) {
      const marked = this.model.marked.peek();
      this.awaited.value = 0;
      if (marked) this.model.goTo(marked.first);
    } else if (first === 1 && this.model.marked.peek()) {
      // The log has just been opened at a link.
      const marked = this.model.marked.peek();
      if (marked) this.model.goTo(marked.first);
    }
    if (this.reading.peek()) {
      for (let line = Math.max(first, last - 30); line <= last; line += 1) {
        this.announcer.line(plain(this.model.lines.get(line) ?? ""));
      }
    }
    if (this.#scroller.contains(document.activeElement))
      this.announcer.unseen(this.model.newLines.peek());
  }
}

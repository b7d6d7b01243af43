// The page of one run: what its tab says.

import { describe, expect, test, vi } from "vitest";
import type { Run } from "../src/api";
import { earlierOf } from "../src/run/earlier";
import { percentOfLive, tabIcon, tabTitle } from "../src/run/tab";

function run(more: Partial<Run> = {}): Run {
  return {
    id: "r",
    task: "images.build",
    title: null,
    state: "running",
    cancel: null,
    ...more,
  } as Run;
}

const live = (text: string, more = {}) => ({ line: 3, text, progress: null, ...more });

describe("the tab", () => {
  test.each([
    ["68 % · images.build · Runtail", {}, live("writing ━━━ \u001b[32m68 %\u001b[0m"), 0],
    ["(+1,200) 42 % · images.build · Runtail", {}, live("", { progress: { value: 0.4299 } }), 1200],
    ["Running · images.build · Runtail", {}, live("no bar"), 0],
    ["Running · images.build · Runtail", {}, null, 0],
    ["Cancelling · images.build · Runtail", { cancel: {} }, live("68 %"), 0],
    ["Failed · etl.load · Runtail", { state: "failed", task: "etl.load" }, live("68 %"), 0],
    ["Queued · nightly · Runtail", { state: "queued", title: "nightly" }, null, 0],
  ] as const)("says %j", (title, more, unfinished, unseen) => {
    expect(tabTitle(run(more as Partial<Run>), unfinished, unseen)).toBe(title);
  });

  test("of several bars the first that is not done counts, and what the task says goes before", () => {
    expect(percentOfLive(live("c 3%", { rows: ["a 100%", "b 7%", "c 3%"] }))).toBe(7);
    expect(percentOfLive(live("7%", { progress: { value: 2 } }))).toBe(100);
    expect(percentOfLive(live("7%", { progress: { text: "layers" } }))).toBe(7);
  });

  test("has an icon for each state", () => {
    vi.stubGlobal("document", { querySelector: () => ({ content: "/base" }) });
    expect(tabIcon("lost")).toBe("/base/static/state-lost.svg");
    const icons = Object.keys(import.meta.glob("../public/state-*.svg"));
    const states: Run["state"][] = [
      "queued",
      "running",
      "succeeded",
      "failed",
      "cancelled",
      "lost",
    ];
    expect(icons.sort()).toEqual(states.map((state) => `../public/state-${state}.svg`).sort());
    vi.unstubAllGlobals();
  });
});

test("a run is compared with those of its task, and not with itself", () => {
  const took = (id: string, ms: number, task = "images.build") =>
    run({ id, task, state: "succeeded", first_started_ms: 1_000, finished_ms: 1_000 + ms });
  const found = [
    took("r", 9_000),
    took("x", 1, "images.other"),
    took("b", 4_000),
    took("a", 5_000),
  ];
  expect(earlierOf(run(), found)).toEqual({ usual: 5_000, good: found[2] });
  expect(earlierOf(run(), found.slice(2, 3))).toEqual({ usual: null, good: found[2] });
  expect(earlierOf(run(), found.slice(0, 2))).toEqual({ usual: null, good: null });
});

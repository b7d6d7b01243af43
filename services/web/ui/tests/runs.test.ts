// The list: filters, pages put together, queues, keys.

import { describe, expect, test } from "vitest";
import type { Run } from "../src/api";
import {
  apiQuery,
  bound,
  filtersSearch,
  matches,
  NO_FILTERS,
  parseFilters,
} from "../src/runs/filters";
import { listAction } from "../src/runs/keys";
import { extended, merged, refreshed } from "../src/runs/merge";
import { queues, queueWords } from "../src/runs/queues";

function run(id: string, created_ms: number, more: Partial<Run> = {}): Run {
  return { id, task: "t", state: "running", created_ms, who: "ana", queue: "q", ...more } as Run;
}

const ids = (list: readonly Run[]) => list.map(({ id }) => id).join("");

describe("filters", () => {
  test("live in the address", () => {
    const filters = parseFilters("?state=failed&task=etl.load&since=24h&who=%3Cb%3E");
    expect(filters).toEqual({
      ...NO_FILTERS,
      state: "failed",
      task: "etl.load",
      since: "24h",
      who: "<b>",
    });
    expect(parseFilters(filtersSearch(filters))).toEqual(filters);
    expect(filtersSearch(NO_FILTERS)).toBe("");
  });

  test("what is none is left out", () => {
    expect(parseFilters("?state=exploded&since=yesterday&until=9999999h&x=1")).toEqual(NO_FILTERS);
    expect(parseFilters(`?task=${"a".repeat(9_000)}`).task).toHaveLength(200);
  });

  test("bounds are spans or local times", () => {
    expect(bound("2h", 10_000_000)).toBe(10_000_000 - 7_200_000);
    expect(bound("2026-11-23T14:05", 0)).toBe(new Date(2026, 10, 23, 14, 5).getTime());
    expect(bound("2026-11-23", 0)).toBe(new Date(2026, 10, 23).getTime());
    expect(bound("", 0)).toBeNull();
    expect(bound("2026-99-99", 0)).toBeNull();
  });

  test("become the API's query", () => {
    const filters = parseFilters("?state=lost&since=1h&who=ana");
    expect(String(apiQuery(filters, 3_600_500))).toBe("state=lost&who=ana&since=500");
  });

  test("decide about a run that was told of", () => {
    const one = run("a", 1_000);
    expect(matches(one, NO_FILTERS, 0)).toBe(true);
    expect(matches(one, { ...NO_FILTERS, state: "failed" }, 0)).toBe(false);
    expect(matches(one, { ...NO_FILTERS, task: "t", who: "AN" }, 0)).toBe(true);
    expect(matches(run("b", 1, { who: null }), { ...NO_FILTERS, who: "a" }, 0)).toBe(false);
    expect(matches(one, { ...NO_FILTERS, since: "1h" }, 3_600_000 + 2_000)).toBe(false);
  });
});

describe("pages", () => {
  const list = [run("d", 4), run("c", 3), run("b", 2), run("a", 1)];

  test("a change stays in its place, a new run goes where its age puts it", () => {
    expect(ids(merged(list, run("c", 3, { state: "failed" })))).toBe("dcba");
    expect(ids(merged(list, run("e", 5)))).toBe("edcba");
    expect(ids(merged(list, run("x", 0)))).toBe("dcbax");
  });

  test("a fresh first page keeps older pages and drops what was deleted from it", () => {
    expect(ids(refreshed(list, [run("e", 5), run("d", 4), run("b", 2)], true))).toBe("edba");
    expect(ids(refreshed(list, [run("d", 4)], false))).toBe("d");
    expect(ids(refreshed(list, [], false))).toBe("");
  });

  test("an older page doubles nothing", () => {
    expect(ids(extended(list, [run("a", 1), run("z", 0)]))).toBe("dcbaz");
  });
});

describe("queues", () => {
  test("those nobody listens to come first", () => {
    const task = { name: "build", doc: "", schema: {}, queue: "builds", exclusive: false };
    const found = queues(
      [task],
      [{ name: "w", queues: ["celery"] }],
      [run("a", 1, { state: "queued", queue: "builds" }), run("b", 1, { queue: "celery" })],
    );
    expect(found.map(({ name, workers, waiting }) => [name, workers.length, waiting])).toEqual([
      ["builds", 0, 1],
      ["celery", 1, 0],
    ]);
    expect(found.map(queueWords)).toEqual(["1 run waits", "1 worker"]);
  });
});

test("keys of one letter can be switched off", () => {
  expect(listAction("j", true)).toBe("next");
  expect(listAction("j", false)).toBeNull();
  expect(listAction("ArrowDown", false)).toBe("next");
  expect(listAction("constructor", true)).toBeNull();
});

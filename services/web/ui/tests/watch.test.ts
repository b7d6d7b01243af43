// Which runs are watched.

import { describe, expect, test } from "vitest";
import { MOST_WATCHED } from "../src/address";
import { NO_FILTERS } from "../src/filters";
import { joined, parseWanted, stateWords, watchSearch } from "../src/watch/wanted";

describe("an address", () => {
  test("names runs, each once", () => {
    expect(parseWanted("?run=b&run=a&run=b&run=")).toEqual({
      runs: ["b", "a"],
      left: 0,
      filters: NO_FILTERS,
    });
  });

  test("names more runs than there are panes", () => {
    const search = watchSearch(["a", "b", "c", "d", "e", "f", "g", "h"], NO_FILTERS);
    const { runs, left } = parseWanted(search);
    expect([runs.length, left]).toEqual([MOST_WATCHED, 2]);
  });

  test("names filters, and is written again as it was read", () => {
    const search = "?state=running&label=branch%3Amain&run=100%25";
    const { runs, filters } = parseWanted(search);
    expect([runs, filters.state, filters.label]).toEqual([["100%"], "running", "branch:main"]);
    expect(watchSearch(runs, filters)).toBe(search);
    expect(watchSearch([], NO_FILTERS)).toBe("");
  });
});

describe("runs that match", () => {
  test("join behind those that are shown, the newest first", () => {
    expect(joined(["a"], ["c", "b", "a"], new Set())).toEqual({
      shown: ["a", "c", "b"],
      waiting: 0,
    });
  });

  test("wait while there is no room", () => {
    const shown = ["a", "b", "c", "d", "e"];
    expect(joined(shown, ["h", "g", "f", ...shown], new Set())).toEqual({
      shown: [...shown, "h"],
      waiting: 2,
    });
  });

  test("do not come back once they are closed", () => {
    const shown = ["a"];
    const panes = joined(shown, ["b", "a"], new Set(["b"]));
    expect(panes).toEqual({ shown, waiting: 0 });
    // Nothing is drawn anew where nothing has changed.
    expect(panes.shown).toBe(shown);
  });

  test("stay when they match no more", () => {
    expect(joined(["a"], [], new Set()).shown).toEqual(["a"]);
  });
});

test("the title counts the states", () => {
  expect(stateWords(["failed", "running", "succeeded", "running"])).toBe(
    "2 running, 1 failed, 1 succeeded",
  );
  expect(stateWords([])).toBe("");
});

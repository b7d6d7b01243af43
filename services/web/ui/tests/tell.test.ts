// Telling that a run has ended.

import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Run } from "../src/api";
import { Ends } from "../src/tell/ends";
import { askPermission, endWords, promiseWords, tellEnd } from "../src/tell/notice";
import { isWanted, setWanted } from "../src/tell/told";

const ENDED = {
  id: "1",
  task: "etl.load",
  title: "Nightly",
  state: "failed",
  why: "ValueError: 3 rows",
  attempt: 1,
  first_started_ms: 1_000,
  finished_ms: 181_000,
} as Run;

function browserKeeps(): () => void {
  const kept = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => kept.set(name, value),
    removeItem: (name: string) => kept.delete(name),
  });
  return () => vi.unstubAllGlobals();
}

describe("the runs to be told of", () => {
  beforeEach(browserKeeps);

  test("are kept until they are taken back", () => {
    setWanted("a", true);
    setWanted("b", true);
    setWanted("a", false);
    expect([isWanted("a"), isWanted("b")]).toEqual([false, true]);
  });

  test("are no more than 50", () => {
    for (let number = 1; number <= 51; number += 1) setWanted(String(number), true);
    expect([isWanted("1"), isWanted("2"), isWanted("51")]).toEqual([false, true, true]);
  });

  test("are none where something else was written", () => {
    for (const text of ["{", "7", '[{"a": 1}]']) {
      localStorage.setItem("runtail.tell", text);
      expect(isWanted("a")).toBe(false);
    }
  });
});

describe("ends", () => {
  beforeEach(browserKeeps);
  const run = (id: string, state: string) => ({ id, state }) as Run;
  const ids = (runs: readonly Run[]) => runs.map(({ id }) => id);

  test("are told once each, if they are wanted", () => {
    const ends = new Ends();
    expect(ends.look([run("a", "running"), run("b", "queued"), run("c", "running")])).toEqual([]);
    setWanted("a", true);
    setWanted("b", true);
    expect(ends.look([run("b", "running")])).toEqual([]);
    const over = [run("a", "failed"), run("b", "cancelled"), run("c", "succeeded")];
    expect(ids(ends.look(over))).toEqual(["a", "b"]);
    setWanted("a", true);
    expect(ends.look(over)).toEqual([]);
  });

  test("are not told if nobody looked before, or if another tab took it back", () => {
    const ends = new Ends();
    setWanted("a", true);
    expect(ends.look([run("a", "succeeded")])).toEqual([]);
    ends.look([run("b", "running")]);
    setWanted("b", true);
    setWanted("b", false);
    expect(ends.look([run("b", "failed")])).toEqual([]);
  });

  test("of a run that is queued again are told when it ends again", () => {
    const ends = new Ends();
    for (const state of ["failed", "succeeded"]) {
      setWanted("a", true);
      ends.look([run("a", "running")]);
      expect(ids(ends.look([run("a", state)]))).toEqual(["a"]);
    }
  });
});

test("the end in words", () => {
  expect(endWords(ENDED)).toEqual({
    title: "etl.load failed",
    body: "Nightly · Took 3 min · ValueError: 3 rows",
  });
  const short = { ...ENDED, state: "succeeded", title: null, first_started_ms: null } as Run;
  expect(endWords(short)).toEqual({ title: "etl.load succeeded", body: "" });
});

describe("a browser", () => {
  const shown: [title: string, body: string][] = [];
  const page = { visibilityState: "hidden", title: "page", addEventListener: () => {} };

  function notifications(permission: string): void {
    class Fake {
      static permission = permission;
      static requestPermission = async () => permission;
      addEventListener() {}
      constructor(title: string, { body }: { body: string }) {
        shown.push([title, body]);
      }
    }
    vi.stubGlobal("Notification", Fake);
    vi.stubGlobal("window", { Notification: Fake });
  }

  beforeEach(() => {
    shown.length = 0;
    page.title = "page";
    vi.stubGlobal("document", page);
    vi.stubGlobal(
      "MutationObserver",
      class {
        observe() {}
      },
    );
    return () => vi.unstubAllGlobals();
  });

  test("that allows notifications shows one", async () => {
    notifications("granted");
    expect(await askPermission()).toBe("granted");
    tellEnd(ENDED, () => {});
    expect(shown.map(([title]) => title)).toEqual(["etl.load failed"]);
    expect(page.title).toBe("page");
  });

  test("that refuses them, or has none, says so, and shows the end in the title", async () => {
    notifications("denied");
    expect(promiseWords(await askPermission())).toContain("does not allow");
    tellEnd(ENDED, () => {});
    expect([shown, page.title]).toEqual([[], "(!) etl.load failed"]);
    vi.stubGlobal("window", {});
    expect(promiseWords(await askPermission())).toContain("has no notifications");
  });

  test("whose tab is in sight shows nothing more", () => {
    notifications("granted");
    vi.stubGlobal("document", { ...page, visibilityState: "visible" });
    tellEnd(ENDED, () => {});
    expect(shown).toEqual([]);
  });
});

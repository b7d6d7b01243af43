// The list: filters, pages put together, queues, keys.

import { describe, expect, test } from "vitest";
import { initials } from "../src/account";
import type { Run, Task } from "../src/api";
import { bound, boundsWords } from "../src/bounds";
import { apiQuery, filtersSearch, matches, NO_FILTERS, parseFilters } from "../src/filters";
import { fitting } from "../src/matching";
import { noFewer } from "../src/runs/counts";
import { offersExamples } from "../src/runs/examples";
import { listAction } from "../src/runs/keys";
import { extended, merged, refreshed } from "../src/runs/merge";
import { prospectWords } from "../src/runs/prospect";
import { lacking, queues, queueWords } from "../src/runs/queues";
import { suggestions, taken } from "../src/runs/suggestions";
import { usualDurations } from "../src/usual";

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
    expect(matches(one, { ...NO_FILTERS, task: "*T*" }, 0)).toBe(true);
    expect(matches(one, { ...NO_FILTERS, task: "*.t*" }, 0)).toBe(false);
    expect(matches(run("b", 1, { who: null }), { ...NO_FILTERS, who: "a" }, 0)).toBe(false);
    expect(matches(one, { ...NO_FILTERS, since: "1h" }, 3_600_000 + 2_000)).toBe(false);
  });
});

describe("the filter box", () => {
  const NOW = new Date(2026, 10, 30, 12);
  const known = {
    tasks: ["etl.load", "load", "reload", "other"],
    people: ["ana", "Lo"],
    labels: ["branch:main"],
    ids: ["5f0d8a52-7d1b-4c7e-9a55-0c2f6f3b8a11"],
  };
  const keys = (text: string) => suggestions(text, known, NOW).map(({ key }) => key);

  test("names fit by parts in any case: the same first, then the beginning", () => {
    expect(fitting(known.tasks, "LOAD")).toEqual(["load", "etl.load", "reload"]);
    expect(fitting(known.tasks, "nothing")).toEqual([]);
    expect(fitting(known.tasks, "")).toEqual(known.tasks);
  });

  test("offers what is known, then the text itself, nothing twice", () => {
    expect(keys("lo")).toEqual([
      "task load",
      "task etl.load",
      "task reload",
      "who Lo",
      "task *lo*",
      "who lo",
    ]);
    expect(keys("load").filter((key) => key === "task load")).toHaveLength(1);
    expect(keys("a:b")).toEqual(["task *a:b*", "who a:b", "label a:b"]);
    expect(keys("")).not.toContain("task ");
  });

  test("an id leads to its run before anything else", () => {
    expect(keys("5f0d")).toContain(`run ${known.ids[0]}`);
    const unseen = "00000000-7d1b-4c7e-9a55-0c2f6f3b8a11";
    expect(keys(unseen)[0]).toBe(`run ${unseen}`);
  });

  test("what is chosen is a filter or a run", () => {
    const [first] = suggestions("main", known, NOW);
    expect(first && taken(first)).toEqual({ label: "branch:main" });
    const run = suggestions("5f0d", known, NOW).find(({ key }) => key.startsWith("run "));
    expect(run && taken(run)).toEqual({ run: known.ids[0] });
  });

  test("times are named by their words, spans and days", () => {
    const times = (text: string) =>
      suggestions(text, known, NOW)
        .filter(({ about }) => about === "time")
        .map((choice) => [choice.text, taken(choice)]);
    const words = (text: string) => times(text).map(([said]) => said);
    expect(words("last")).toEqual(["Last hour", "Last 24 hours", "Last 7 days"]);
    expect(words("hour")).toEqual(["Last hour", "Last 24 hours"]);
    expect(words("24 h")).toEqual(["Last 24 hours"]);
    expect(words("24h")).toEqual(["Last 24 hours"]);
    expect(words("yes")).toEqual(["Yesterday"]);
    expect(words("")).toEqual(["Last hour", "Last 24 hours", "Last 7 days", "Today", "Yesterday"]);
    expect(times("last 3 hours")).toEqual([["Last 3 hours", { since: "3h", until: "" }]]);
    expect(times("90 MIN")).toEqual([["Last 90 minutes", { since: "90m", until: "" }]]);
    const day = { since: "2026-11-29T00:00", until: "2026-11-30T00:00" };
    expect(times("2026-11-29")).toEqual([
      ["On 29 Nov 2026", day],
      ["Since 29 Nov 2026", { since: day.since, until: "" }],
      ["Before 29 Nov 2026", { since: "", until: day.since }],
    ]);
    expect(times("on 29 nov")).toEqual([["On 29 Nov 2026", day]]);
    expect(times("Since  2026-11-29")).toEqual([
      ["Since 29 Nov 2026", { since: day.since, until: "" }],
    ]);
    expect(times("yesterday")[0]).toEqual(["Yesterday", day]);
    expect(times("until yesterday")).toEqual([
      ["Before 29 Nov 2026", { since: "", until: day.since }],
    ]);
    // A day without a year is over.
    expect(words("on 1 december")).toEqual(["On 1 Dec 2025"]);
    for (const none of ["2026-02-30", "0h", "3 apples", "load", "1969-12-31", "31 feb", "at"]) {
      expect(words(none), none).toEqual([]);
    }
  });

  test("bounds that nobody offers have words, too", () => {
    const words = (since: string, until = "") => boundsWords({ since, until });
    expect(["1h", "24h", "3h", "1d", "90m"].map((span) => words(span))).toEqual([
      "Last hour",
      "Last 24 hours",
      "Last 3 hours",
      "Last day",
      "Last 90 minutes",
    ]);
    expect(words("2026-11-29")).toBe("Since 29 Nov 2026");
    expect(words("", "2026-11-29T00:00")).toBe("Before 29 Nov 2026");
    expect(words("2026-11-29", "2026-11-30T00:00")).toBe("On 29 Nov 2026");
    // Days of 23 and of 25 hours, where there are such.
    expect(words("2026-03-29", "2026-03-30")).toBe("On 29 Mar 2026");
    expect(words("2026-10-25", "2026-10-26")).toBe("On 25 Oct 2026");
    for (const [since, until] of [
      ["", ""],
      ["2026-11-29", "2026-12-01"],
      ["2026-11-29T14:05", ""],
      ["3h", "2026-11-29"],
      ["2026-99-29", ""],
    ]) {
      expect(words(since ?? "", until)).toBe("");
    }
  });

  test("labels are filters, in the address and for a run that was told of", () => {
    expect(parseFilters("?label=branch:main").label).toBe("branch:main");
    expect(parseFilters("?label=branch").label).toBe("");
    const filters = { ...NO_FILTERS, label: "branch:main" };
    expect(String(apiQuery(filters, 0))).toBe("label=branch%3Amain");
    expect(matches(run("a", 1, { added_labels: { branch: "main" } }), filters, 0)).toBe(true);
    expect(matches(run("a", 1, { labels: { branch: "dev" } }), filters, 0)).toBe(false);
  });
});

test("what runs usually take is the middle of two or more that succeeded", () => {
  const took = (id: string, ms: number, state: Run["state"] = "succeeded") =>
    run(id, 1, { state, first_started_ms: 1_000, finished_ms: 1_000 + ms });
  expect(usualDurations([took("a", 5)]).size).toBe(0);
  expect(usualDurations([took("a", 5), took("b", 900, "failed")]).size).toBe(0);
  expect(usualDurations([took("a", 50), took("b", 7), took("c", 9)]).get("t")).toBe(9);
});

test("what would become of a run is said before it is started", () => {
  const task = {
    name: "t",
    doc: "",
    schema: {},
    queue: "builds:eu",
    exclusive: true,
    sealed: false,
  };
  const running = run("a", 1);
  const waits = run("b", 1, { state: "queued", queue: "builds:eu" });
  const workers = [{ name: "w", queues: ["builds:eu"] }];
  expect(prospectWords(task, workers, [running, waits])).toBe(
    "Goes to queue builds:eu, 1 worker listening, 1 run waiting. One run at a time, and one is running: another is refused until it is over.",
  );
  expect(prospectWords({ ...task, exclusive: false }, [], [])).toBe(
    "Goes to queue builds:eu. No worker listens there, so the run will wait.",
  );
  const unknown = prospectWords({ ...task, exclusive: false }, null, []);
  expect(unknown).toBe("Goes to queue builds:eu.");
});

test("initials stand for somebody", () => {
  expect(initials("Mara Kern")).toBe("MK");
  expect(initials("mara.kern@example.org")).toBe("MK");
  expect(initials("admin")).toBe("A");
  expect(initials("anonymous (10.0.0.1)")).toBe("A1");
  expect(initials("مستخدم")).toBe("م");
  expect(initials("@")).toBe("?");
});

describe("pages", () => {
  const list = [run("d", 4), run("c", 3), run("b", 2), run("a", 1)];

  test("a change stays in its place, a new run goes where its age puts it", () => {
    expect(ids(merged(list, run("c", 3, { state: "failed" }), true))).toBe("dcba");
    expect(ids(merged(list, run("e", 5), true))).toBe("edcba");
    expect(ids(merged(list, run("x", 0), false))).toBe("dcbax");
  });

  test("a run below the end waits for its page while there are more", () => {
    expect(ids(merged(list, run("x", 0), true))).toBe("dcba");
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
  test("one that nobody listens to is lacking once runs wait there, or no worker is there at all", () => {
    const worker = { name: "w", queues: ["celery"] };
    const nightly = { name: "etl.load", queue: "nightly" } as Task;
    expect(lacking([nightly], [worker], [run("a", 1)])).toBe(false);
    expect(lacking([nightly], [worker], [run("a", 1, { state: "queued", queue: "nightly" })])).toBe(
      true,
    );
    expect(lacking([nightly], [], [])).toBe(true);
    expect(lacking([], [], [])).toBe(false);
    expect(lacking([], [worker], [run("a", 1, { state: "queued", queue: "builds" })])).toBe(true);
    expect(lacking([], [worker], [])).toBe(false);
  });

  test("those nobody listens to come first", () => {
    const task = {
      name: "build",
      doc: "",
      schema: {},
      queue: "builds",
      exclusive: false,
      sealed: false,
    };
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

describe("examples", () => {
  const tasks = [{ name: "t" }, { name: "examples.fill" }] as Task[];
  const example = run("e", 1, { added_labels: { example: "shop" } });
  const filling = run("f", 1, { task: "examples.fill" });

  test("are offered while there is little else, once", () => {
    expect(offersExamples(tasks, [])).toBe(true);
    expect(offersExamples(tasks, [run("a", 1), { ...filling, state: "failed" }])).toBe(true);
    expect(offersExamples(tasks, [run("a", 1), example])).toBe(false);
    expect(offersExamples(tasks, [filling])).toBe(false);
    expect(offersExamples(tasks, Array(5).fill(run("a", 1)))).toBe(false);
    expect(offersExamples(tasks.slice(0, 1), [])).toBe(false);
  });
});

describe("counts of states", () => {
  test("are never fewer than the rows that are shown", () => {
    const rows = [run("a", 1), run("b", 2, { state: "failed" })];
    expect(noFewer({ running: 0 }, rows)).toEqual({ "": 2, running: 1, failed: 1 });
    expect(noFewer({ running: 9, failed: 3 }, rows)).toEqual({ "": 12, running: 9, failed: 3 });
    // A run that has just ended is one run.
    expect(noFewer({ running: 1 }, rows.slice(1))[""]).toBe(1);
    expect(noFewer({}, [])).toEqual({ "": 0 });
  });
});

// What the command palette offers, and what it asks the server for.

import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Run, Session, Task } from "../src/api";
import { choicesFor, type Known } from "../src/palette/choices";
import { questionsFor, RunSearch } from "../src/palette/runsearch";

const run = (id: string, task: string, more: Partial<Run> = {}) =>
  ({ id, task, title: null, state: "running", created_ms: 1, labels: {}, ...more }) as Run;

const known = (more: Partial<Known>): Known => ({
  runs: [],
  tasks: [],
  commands: [],
  labelsOf: ({ labels }) => Object.entries(labels ?? {}).map(([key, value]) => `${key}:${value}`),
  ...more,
});

const texts = (text: string, more: Partial<Known>) =>
  choicesFor(text, known(more)).map((choice) => `${choice.group}: ${choice.text}`);

const TASKS = [{ name: "etl.load", doc: "Load a day.\n\nMore." }] as unknown as Task[];
const act = () => {};
const COMMANDS = [
  { text: "Audit log", about: "/audit", group: "Pages", words: "who", act },
  { text: "Dark theme", about: "", group: "Settings", words: "colours", act },
];

describe("choices", () => {
  test("without a text are the newest runs and all pages", () => {
    const runs = Array.from({ length: 9 }, (_, index) =>
      run(`r${index}`, `t${index}`, { created_ms: index }),
    );
    expect(texts("", { runs, tasks: TASKS, commands: COMMANDS })).toEqual([
      ...["t8", "t7", "t6", "t5", "t4", "t3"].map((task) => `Newest runs: ${task}`),
      "Pages: Audit log",
      "Settings: Dark theme",
    ]);
  });

  test("are runs by the beginning of their id, then by title and task, then by label", () => {
    const runs = [
      run("1", "x", { labels: { branch: "fabulous" } }),
      run("2", "my.fab"),
      run("3", "x", { title: "Fab release" }),
      run("FAB-4", "x"),
      run("5", "x"),
    ];
    const found = choicesFor("fab", known({ runs })).map(({ key }) => key);
    expect(found).toEqual(["run FAB-4", "run 3", "run 2", "run 1"]);
  });

  test("are tasks to start, pages and settings by their other words, too", () => {
    expect(texts("LOAD", { tasks: TASKS })).toEqual(["Start a run: Start etl.load…"]);
    expect(texts("colour", { commands: COMMANDS })).toEqual(["Settings: Dark theme"]);
    expect(texts("nothing", { tasks: TASKS, commands: COMMANDS })).toEqual([]);
  });
});

test("the server is asked for a part of the task, for a label and for the beginning of an id", () => {
  const asked = (text: string) => questionsFor(text).map(String);
  expect(asked("")).toEqual([]);
  expect(asked("app")).toEqual(["task=*app*&limit=12"]);
  expect(asked("build")).toEqual(["task=*build*&limit=12", "id=build&limit=12"]);
  expect(asked("4F0C-")[1]).toBe("id=4f0c-&limit=12");
  expect(asked("a name")).toHaveLength(1);
  expect(asked("branch:main")[1]).toBe("label=branch%3Amain&limit=12");
});

describe("a search", () => {
  const waiting: { query: string; answer: (runs: readonly Run[]) => void }[] = [];

  beforeEach(() => {
    waiting.length = 0;
    vi.useFakeTimers();
    vi.stubGlobal("document", { querySelector: () => null });
    vi.stubGlobal("location", { pathname: "/", search: "", hash: "" });
    vi.stubGlobal("fetch", (where: string) => {
      const query = decodeURIComponent(where.replace(/^.*\?/, ""));
      return new Promise((resolve) => {
        const answer = (runs: readonly Run[]) =>
          resolve(new Response(JSON.stringify({ runs, next: null }), { status: 200 }));
        waiting.push({ query, answer });
      });
    });
    return () => {
      vi.useRealTimers();
      vi.unstubAllGlobals();
    };
  });

  test("asks once after a pause, and drops the answer to a text that is gone", async () => {
    const search = new RunSearch();
    for (const text of ["a", "ap", "app"]) search.written(text);
    expect(waiting).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(waiting.map(({ query }) => query)).toEqual(["task=*app*&limit=12"]);
    search.written("x");
    await vi.advanceTimersByTimeAsync(200);
    waiting[1]?.answer([run("2", "x")]);
    waiting[0]?.answer([run("1", "build")]);
    await vi.advanceTimersByTimeAsync(0);
    expect(search.runs.value.map(({ id }) => id)).toEqual(["2"]);
  });

  test("that is stopped asks for nothing", async () => {
    const search = new RunSearch();
    search.written("build");
    search.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(waiting).toEqual([]);
  });
});

describe("commands", () => {
  test("are those that the reader may use", async () => {
    vi.stubGlobal("document", { querySelector: () => ({ content: "password" }) });
    vi.stubGlobal("location", { assign: act });
    const { commandsFor } = await import("../src/palette/commands");
    const names = (rights: string[], can_log_out: boolean) =>
      commandsFor({ rights, can_log_out } as unknown as Session, "dark").map(({ text }) => text);
    expect(names([], false)).not.toContain("Audit log");
    expect(names(["admin", "token:own"], true)).toEqual(
      expect.arrayContaining(["Audit log", "API tokens", "Log out", "Log out everywhere"]),
    );
    vi.unstubAllGlobals();
  });
});

// The family of a run.

import { expect, test } from "vitest";
import type { Run } from "../src/api";
import { familyTree, rootOf } from "../src/run/familytree";

const run = (id: string, parent: string | null, created_ms: number) =>
  ({ id, parent_id: parent, root_id: parent && "top", created_ms }) as Run;

const shown = (runs: readonly Run[]) =>
  familyTree(runs, "top").map(({ run, depth }) => `${"-".repeat(depth)}${run.id}`);

test("callers stand before those that they called, the older first", () => {
  const runs = [run("d", "b", 4), run("c", "top", 3), run("b", "top", 2), run("top", null, 1)];
  expect(shown(runs)).toEqual(["top", "-b", "--d", "-c"]);
  expect(runs.map(rootOf)).toEqual(["top", "top", "top", "top"]);
});

test("a run whose caller is gone stands below the first, or first where that is gone, too", () => {
  expect(shown([run("x", "gone", 2), run("top", null, 1)])).toEqual(["top", "-x"]);
  expect(shown([run("x", "gone", 2), run("y", "x", 3)])).toEqual(["x", "-y"]);
});

test("runs that call each other in a circle are each shown once", () => {
  expect(shown([run("a", "b", 1), run("b", "a", 2), run("c", "c", 3)])).toEqual(["c", "a", "-b"]);
});

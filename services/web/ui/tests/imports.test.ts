// Who may import whom: the table in `src/README.md`, held to the imports of every file.

import { describe, expect, test } from "vitest";
import readme from "../src/README.md?raw";

const texts = new Map(
  Object.entries(
    import.meta.glob<string>("../src/**/*.{ts,tsx}", {
      query: "?raw",
      import: "default",
      eager: true,
    }),
  ).map(([path, text]) => [path.replace("../src/", ""), text]),
);
const files = [...texts.keys()];
const PAGES = ["audit/", "guest/", "login/", "run/", "runs/", "tokens/", "watch/"];

/** What begins the pages may import everything. */
const START = "entries/";

/** Folder → folders and files that it may import. */
function table(): Map<string, readonly string[]> {
  const rows = new Map<string, readonly string[]>();
  for (const line of readme.split("\n")) {
    const [, folder, , allowed] = line.split("|").map((cell) => cell.trim());
    const name = /^`(.*)`$/.exec(folder ?? "")?.[1];
    if (name === undefined || allowed === undefined) continue;
    rows.set(
      name,
      [...allowed.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ""),
    );
  }
  return rows;
}

/** `log/model/lines.ts` → `log/model/`; a file beside the table → `/`. */
function folderOf(file: string): string {
  return file.slice(0, file.lastIndexOf("/") + 1) || "/";
}

/** The sources that a file imports, as they are called here. */
function imports(file: string): string[] {
  const named = [...(texts.get(file) ?? "").matchAll(/^(?:import|export)\b[^"';]*?"(\.[^"]+)";/gm)];
  return named.flatMap((match) => {
    const path = new URL(match[1] ?? "", `file:///${file}`).pathname.slice(1);
    return files.filter((one) => one.replace(/\.tsx?$/, "") === path);
  });
}

const graph = new Map(files.map((file) => [file, imports(file)]));

/** Files on the way that lead back to where they came from. */
function circle(): readonly string[] {
  const done = new Set<string>();
  const walk = (file: string, way: readonly string[]): readonly string[] => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const next of graph.get(file) ?? []) {
      const found = walk(next, [...way, file]);
      if (found.length > 0) return found;
    }
    done.add(file);
    return [];
  };
  return files.map((file) => walk(file, [])).find((found) => found.length > 0) ?? [];
}

describe("imports", () => {
  const rooms = table();

  test("every folder stands in the table, and every import of the sources was read", () => {
    expect([...rooms.keys()].sort()).toEqual([...new Set(files.map(folderOf))].sort());
    expect(graph.get("log/model/rows.ts")).toContain("protocol/entry.ts");
    expect([...graph.values()].flat().length).toBeGreaterThan(200);
  });

  test.each([...rooms])("%s imports only what it may", (folder, allowed) => {
    const wrong = files
      .filter((file) => folderOf(file) === folder && folder !== START)
      .flatMap((file) => (graph.get(file) ?? []).map((imported) => [file, imported] as const))
      .filter(([, imported]) => {
        const from = folderOf(imported);
        const stem = imported.replace(/\.tsx?$/, "");
        return from !== folder && !allowed.includes(from === "/" ? stem : from);
      });
    expect(wrong).toEqual([]);
  });

  test("what the table allows is used", () => {
    const unused = [...rooms].flatMap(([folder, allowed]) => {
      const used = files
        .filter((file) => folderOf(file) === folder)
        .flatMap((file) => graph.get(file) ?? [])
        .map((one) => (folderOf(one) === "/" ? one.replace(/\.tsx?$/, "") : folderOf(one)));
      return allowed.filter((one) => !used.includes(one)).map((one) => `${folder} ${one}`);
    });
    expect(unused).toEqual([]);
  });

  test("only the start imports a page", () => {
    for (const [file, imported] of graph) {
      const pages = imported.filter((one) => PAGES.includes(folderOf(one)));
      if (folderOf(file) !== START) {
        expect(pages.filter((page) => folderOf(page) !== folderOf(file))).toEqual([]);
      }
    }
  });

  test("no file imports itself by way of others", () => {
    expect(circle()).toEqual([]);
  });
});

test("no file is longer than 400 lines", () => {
  const lines = (text: string) => text.split("\n").length - 1;
  const long = [...texts].filter(([file, text]) => file !== "openapi.ts" && lines(text) > 400);
  expect(long.map(([file, text]) => `${file}: ${lines(text)}`)).toEqual([]);
});

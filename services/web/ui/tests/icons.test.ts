// Icons are drawings, not characters that some font may lack, and each of them is used.

import { expect, test } from "vitest";
import { ICONS } from "../src/design/icons";

const texts = Object.entries(
  import.meta.glob<string>("../src/**/*.{ts,tsx,css}", {
    query: "?raw",
    import: "default",
    eager: true,
  }),
).filter(([path]) => !path.endsWith("/openapi.ts"));
// What is text in a log is text, as on a terminal.
const drawn = texts.filter(([path]) => !path.includes("/log/model/"));

/** Pictures for "close", "done", "open", "running" and the like. */
const GLYPHS = /[×✕✖✗✘✓✔▸▾▶▼▲◀●○◌◐◑◒◷■□▤⌕↵↩⚠☀☾☰⋯⋮★⚙]/u;
/** Names of keys, and "so many times". */
const TEXTS = [/^\s*\["[^"]+", "[^"]+"\],$/, / × \{count\}/];

test("no character stands for an icon", () => {
  const found = drawn.flatMap(([path, text]) =>
    text
      .split("\n")
      .filter((line) => GLYPHS.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line))
      .filter((line) => !TEXTS.some((allowed) => allowed.test(line)))
      .map((line) => `${path}: ${line.trim()}`),
  );
  expect(found).toEqual([]);
});

test("every icon is shown somewhere", () => {
  const code = texts
    .filter(([path]) => !path.endsWith("design/icons.ts"))
    .map(([, text]) => text)
    .join("\n");
  // A state's icon has the state's name.
  const states = ["queued", "running", "succeeded", "failed", "cancelled", "lost"];
  const unused = Object.keys(ICONS).filter(
    (name) => !states.includes(name) && !new RegExp(`"${name}"`).test(code),
  );
  expect(unused).toEqual([]);
});

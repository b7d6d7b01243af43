// A start from the form: presets, title and labels, and the form as a command.

import { describe, expect, test } from "vitest";
import vectors from "../../../../tests/support/start_vectors.json";
import { cliCommand, curlCommand, quoted } from "../src/form/commands";
import { placed } from "../src/form/errors";
import { LABELS, readNamed, TITLE } from "../src/form/named";
import { besides, presetTexts, switched } from "../src/form/presets";
import { fields, type Schema } from "../src/schema";

const LIST = fields({
  properties: {
    shards: { type: "integer", default: 2 },
    region: { enum: ["eu", "us"], default: "eu" },
    note: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
    tables: { type: "array", items: { type: "string" } },
    token: { type: "string", writeOnly: true },
  },
});

describe("presets", () => {
  test("write what their fields can show, and no secret", () => {
    const values = {
      shards: 8,
      region: "mars",
      note: null,
      tables: ["a", "b"],
      token: "x",
      extra: 1,
    };
    expect(presetTexts(LIST, values)).toEqual({ shards: "8", note: null, tables: "a\nb" });
    expect(besides(LIST, values)).toEqual({ extra: 1 });
  });

  test("leave what people wrote where another preset says nothing", () => {
    const texts = { shards: "2", region: "us", note: null, tables: "", token: "hunter2" };
    const nightly = { shards: 8, note: "n" };
    const first = switched(LIST, texts, {}, nightly);
    expect(first).toEqual({ ...texts, shards: "8", note: "n" });
    const edited = { ...first, note: "mine" };
    expect(switched(LIST, edited, nightly, { tables: ["t"] })).toEqual({
      ...texts,
      note: "mine",
      tables: "t",
    });
    expect(switched(LIST, first, nightly, {})).toEqual(texts);
  });
});

describe("title and labels", () => {
  const read = (title: string, labels: string) =>
    readNamed({ title, labels }, { team: "builders" });

  test("are read as the server reads them", () => {
    expect(read("", " \n")).toEqual({ about: {}, faults: new Map() });
    const { about, faults } = read("Nightly", " branch = a=b \n\nticket=T-1");
    expect(about).toEqual({ title: "Nightly", labels: { branch: "a=b", ticket: "T-1" } });
    expect(faults.size).toBe(0);
    expect(read("x".repeat(201), "").faults.get(TITLE)).toContain("at most 200");
    expect(read("😀".repeat(200), "").faults.size).toBe(0);
  });

  test.each([
    ["branch", "is no label"],
    ["=x", "cannot be the key"],
    ["a b=x", "cannot be the key"],
    [`${"k".repeat(64)}=x`, "cannot be the key"],
    ["branch=", "1 to 100 printable"],
    [`branch=${"x".repeat(101)}`, "1 to 100 printable"],
    ["branch=a\u202eb", "1 to 100 printable"],
    ["branch=a\u00a0b", "1 to 100 printable"],
    ["team=x", "the task declares the label team"],
    ["a=1\na=2", "is there twice"],
    [Array.from({ length: 21 }, (_, n) => `k${n}=v`).join("\n"), "at most 20"],
  ])("%j is refused", (labels, words) => {
    expect(read("", labels).faults.get(LABELS)).toContain(words);
  });

  test("have the server's errors, unless a parameter has the name", () => {
    const errors = [
      { field: "title", message: "too long" },
      { field: "labels", message: "no" },
    ];
    expect([...placed(errors, LIST).byField]).toEqual([
      [TITLE, "too long"],
      [LABELS, "no"],
    ]);
    const odd = fields({ properties: { title: { type: "string" } } });
    expect(placed(errors, odd).byField.get("title")).toBe("too long");
  });
});

describe("commands", () => {
  test.each(vectors)("of $task are those that the other side reads", (vector) => {
    const { task, kwargs, secrets, title, labels } = vector;
    const start = {
      task,
      kwargs,
      secrets,
      ...(title ? { title } : {}),
      ...(labels ? { labels } : {}),
    };
    expect(cliCommand(start, vector.schema as Schema, vector.url)).toBe(vector.cli);
    expect(curlCommand(start, `${vector.url}/api/v1`, vector.login)).toBe(vector.curl);
  });

  test("quote what a shell would read otherwise", () => {
    expect(["", "a b", "it's", "$x`y`", "~", "*", "!", "é", "a\nb"].map(quoted)).toEqual([
      "''",
      "'a b'",
      "'it'\\''s'",
      "'$x`y`'",
      "'~'",
      "'*'",
      "'!'",
      "'é'",
      "'a\nb'",
    ]);
    expect(["a", "a.b_c/d:e@f%g+h,i-j", "0"].every((text) => quoted(text) === text)).toBe(true);
  });
});

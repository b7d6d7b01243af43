// The form: schemas, errors, links, memory.

import { describe, expect, test } from "vitest";
import vectors from "../../../../tests/support/bounds_vectors.json";
import { placed } from "../src/form/errors";
import { NOTHING } from "../src/form/named";
import { filled, parsePrefill, prefillHash } from "../src/form/prefill";
import { added, keepable, parseMemory } from "../src/form/remembered";
import { boundWords, brokenRule, faultOf, stepped } from "../src/form/rules";
import { type Field, fields, fieldValue, type Schema } from "../src/schema";

const SCHEMA: Schema = {
  properties: {
    name: { type: "string" },
    note: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
    level: { enum: [1, 2, "high", null] },
    count: { type: ["integer", "null"], default: 3, minimum: 1, maximum: 5 },
    fast: { type: "boolean" },
    sure: { type: "boolean", default: true },
    hosts: { type: "array", items: { type: "string" }, default: ["a", "b"] },
    ports: { type: "array", items: { type: "integer" } },
    roles: { type: "array", items: { enum: ["app", "db"] }, default: ["db"] },
    odd: { type: "array", items: { type: "string" }, default: ["two\nlines"] },
    either: { anyOf: [{ type: "string" }, { type: "integer" }, { type: "null" }] },
    options: { type: "object", default: { a: [1] } },
    token: { type: "string", writeOnly: true, default: "hunter2" },
    day: { type: "string", format: "date" },
  },
  required: ["name", "level"],
};

const LIST = fields(SCHEMA);

function field(name: string): Field {
  const found = LIST.find((one) => one.name === name);
  if (!found) throw new Error(name);
  return found;
}

describe("schema", () => {
  test("kinds and first texts", () => {
    expect(
      Object.fromEntries(LIST.map(({ name, kind, initial }) => [name, [kind, initial]])),
    ).toEqual({
      name: ["text", ""],
      note: ["text", null],
      level: ["choice", ""],
      count: ["integer", "3"],
      fast: ["choice", ""],
      sure: ["boolean", "true"],
      hosts: ["list", "a\nb"],
      ports: ["list", ""],
      roles: ["checks", "db"],
      odd: ["json", '["two\\nlines"]'],
      either: ["json", ""],
      options: ["json", '{"a":[1]}'],
      token: ["secret", ""],
      day: ["date", ""],
    });
  });

  test("texts become values", () => {
    expect(fieldValue(field("note"), null)).toBeNull();
    expect(fieldValue(field("level"), "2")).toBe(2);
    expect(fieldValue(field("level"), "high")).toBe("high");
    expect(fieldValue(field("level"), "null")).toBeNull();
    expect(fieldValue(field("fast"), "")).toBeUndefined();
    expect(fieldValue(field("fast"), "false")).toBe(false);
    expect(fieldValue(field("hosts"), "x\n\n y ")).toEqual(["x", " y "]);
    expect(fieldValue(field("hosts"), "")).toEqual([]);
    expect(fieldValue(field("ports"), "80\nhttp")).toEqual([80, "http"]);
    expect(fieldValue(field("ports"), "")).toBeUndefined();
    expect(fieldValue(field("roles"), "app\ndb")).toEqual(["app", "db"]);
    expect(fieldValue(field("token"), "")).toBeUndefined();
    expect(() => fieldValue(field("options"), "{")).toThrow("takes JSON");
  });

  test("a secret is one line, whatever its type", () => {
    const secret = (schema: Schema) =>
      fields({ properties: { s: { ...schema, writeOnly: true, format: "password" } } })[0] as Field;
    expect(fieldValue(secret({}), "4711")).toBe("4711");
    expect(fieldValue(secret({ type: "string" }), '["a"]')).toBe('["a"]');
    expect(fieldValue(secret({ type: "integer" }), "4711")).toBe(4711);
    expect(fieldValue(secret({ type: "number" }), "none")).toBe("none");
    expect(fieldValue(secret({ type: "boolean" }), "false")).toBe(false);
    expect(fieldValue(secret({ type: "array" }), '["a", 1]')).toEqual(["a", 1]);
    expect(
      fieldValue(secret({ anyOf: [{ type: "object" }, { type: "null" }] }), '{"a": 1}'),
    ).toEqual({ a: 1 });
    expect(() => fieldValue(secret({ type: "object" }), "pass word")).toThrow(/^(?!.*pass word)/s);
  });

  test("a default that is sent untouched is the same value", () => {
    for (const one of LIST.filter(({ kind }) => kind !== "secret")) {
      const value = SCHEMA.properties?.[one.name]?.default;
      if (value !== undefined) expect(fieldValue(one, one.initial)).toEqual(value);
    }
  });

  test("bounds are said before anything is sent", () => {
    expect(faultOf(field("count"), "0")).toBe("must be at least 1");
    expect(faultOf(field("count"), "9")).toBe("must be at most 5");
    expect(faultOf(field("count"), null)).toBeNull();
  });

  test("a number that is none is said before anything is sent", () => {
    expect(faultOf(field("count"), "many")).toBe("is not a whole number");
    expect(faultOf(field("count"), "1.5")).toBe("is not a whole number");
    expect(faultOf(field("count"), " ")).toBe("is not a whole number");
    expect(faultOf(field("count"), " 2 ")).toBeNull();
    expect(faultOf(field("ports"), "80\n\n http")).toBe("item 2: is not a whole number");
    expect(faultOf(field("ports"), "80\n 443 ")).toBeNull();
    expect(faultOf(field("hosts"), "80\nhttp")).toBeNull();
    const share = fields({ properties: { share: { type: "number" } } })[0] as Field;
    expect(faultOf(share, "half")).toBe("is not a number");
    expect(faultOf(share, "1e999")).toBe("is not a number");
    expect(faultOf(share, "0.5")).toBeNull();
  });

  test("bounds are told in the server's words", () => {
    for (const [schema, value, words] of vectors.values as [Schema, unknown, string | null][]) {
      expect(brokenRule(schema, value), JSON.stringify([schema, value])).toBe(words);
    }
    for (const [schema, words] of vectors.rules as [Schema, string][]) {
      expect(boundWords(schema), JSON.stringify(schema)).toBe(words);
    }
  });

  test("elements and lengths have bounds, too", () => {
    const one = (schema: Schema, text: string) =>
      faultOf(fields({ properties: { x: schema } })[0] as Field, text);
    const list: Schema = { type: "array", items: { type: "string", maxLength: 3 }, maxItems: 2 };
    expect(one(list, "abc\nabcd")).toBe("item 2: must have at most 3 characters");
    expect(one(list, "a\nb\nc")).toBe("must have at most 2 elements");
    expect(one({ ...list, default: ["a"], minItems: 1 }, "")).toBe("must have at least 1 element");
    expect(one({ type: "string", minLength: 3 }, "")).toBeNull();
    expect(one({ anyOf: [{ type: "string", minLength: 3 }, { type: "null" }] }, "ab")).toBe(
      "must have at least 3 characters",
    );
    expect(one({ type: "object" }, "{")).toContain("takes JSON");
  });

  test("arrows step through a number's values", () => {
    const step = (schema: Schema, text: string, by: 1 | -1) =>
      stepped(fields({ properties: { x: schema } })[0] as Field, text, by);
    const shards: Schema = { type: "integer", minimum: 1, maximum: 64 };
    expect(step(shards, "8", 1)).toBe("9");
    expect(step(shards, "8", -1)).toBe("7");
    expect(step(shards, "64", 1)).toBe("64");
    expect(step(shards, "99", -1)).toBe("64");
    expect(step(shards, "many", -1)).toBe("1");
    expect(step({ type: "number" }, "0.1", 1)).toBe("1.1");
    expect(step({ type: "number", multipleOf: 0.1 }, "0.2", 1)).toBe("0.3");
    expect(step({ type: "integer", multipleOf: 5 }, "7", 1)).toBe("10");
    expect(step({ type: "integer", multipleOf: 5 }, "7", -1)).toBe("5");
    expect(step({ type: "number", exclusiveMinimum: 0 }, "1", -1)).toBeNull();
    expect(step({ type: "integer" }, "9007199254740991", -1)).toBe("9007199254740990");
  });

  test("a name of the language is a name like another", () => {
    const odd = fields(
      JSON.parse('{"properties": {"__proto__": {"type": "string"}, "constructor": {}}}'),
    );
    expect(odd.map(({ name }) => name)).toEqual(["__proto__", "constructor"]);
  });
});

describe("errors", () => {
  test("go to their fields, by name, also inside of them", () => {
    const { byField, other } = placed(
      [
        { field: "hosts.1", message: "is too long" },
        { field: "kwargs.options.a.0", message: "is wrong" },
        { field: "name", message: "is required" },
        { field: "kwargs", message: "is too much" },
      ],
      LIST,
    );
    expect([...byField]).toEqual([
      ["hosts", "item 2: is too long"],
      ["options", "a, item 1: is wrong"],
      ["name", "is required"],
    ]);
    expect(other).toEqual(["kwargs: is too much"]);
  });
});

describe("links", () => {
  test("carry values there and back, but no secret", () => {
    const texts = {
      ...filled(LIST, {}),
      name: "\\null",
      note: "ü&=#",
      count: null,
      token: "hunter2",
    };
    const written = { title: "Again, & again", labels: "branch=a=b\n\n  team=x " };
    const hash = prefillHash("etl.load", LIST, texts, written);
    expect(hash).not.toContain("hunter2");
    const back = parsePrefill(hash);
    expect(back?.task).toBe("etl.load");
    expect(back?.written).toEqual({ title: "Again, & again", labels: "branch=a=b\nteam=x" });
    expect(filled(LIST, back?.texts ?? {})).toEqual({ ...texts, token: "" });
  });

  test("cannot set what the form could not", () => {
    const texts = filled(LIST, { level: "explode", name: null, token: "x", nothing: "y" });
    expect(texts["level"]).toBe("");
    expect(texts["name"]).toBe("");
    expect(texts["token"]).toBe("");
    expect("nothing" in texts).toBe(false);
    expect(parsePrefill("#L120")).toBeNull();
  });

  test("a parameter may be called start", () => {
    const odd = fields({ properties: { start: { type: "string" } } });
    const hash = prefillHash("t", odd, { start: "now" }, NOTHING);
    expect(parsePrefill(hash)).toEqual({ task: "t", texts: { start: "now" }, written: NOTHING });
  });
});

describe("memory", () => {
  test("is bounded and forgets the oldest", () => {
    let memory: ReturnType<typeof parseMemory> = [];
    for (let n = 0; n < 50; n += 1) memory = added(memory, `t${n}`, { a: "x".repeat(1_900) });
    expect(JSON.stringify(memory).length).toBeLessThanOrEqual(40_000);
    expect(memory.length).toBeLessThanOrEqual(20);
    expect(memory.at(-1)?.[0]).toBe("t49");
    expect(added(memory, "t49", {}).some(([task]) => task === "t49")).toBe(false);
  });

  test("keeps no secret, nothing huge and no defaults", () => {
    const texts = { ...filled(LIST, {}), name: "x", token: "hunter2", hosts: "h".repeat(3_000) };
    expect(keepable(LIST, texts)).toEqual({ name: "x" });
  });

  test("survives what others wrote", () => {
    for (const text of ["{", "null", "3", '[["t", 1]]', '[["t", {"a": 1}]]', "[[]]"]) {
      expect(parseMemory(text)).toEqual([]);
    }
    expect(parseMemory('[["t", {"a": null}]]')).toEqual([["t", { a: null }]]);
  });
});

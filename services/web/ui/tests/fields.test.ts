// A line that is a JSON object as fields.

import { describe, expect, test } from "vitest";
import { fieldsOf, MOST_CHARACTERS, mayHaveFields } from "../src/log/model/fields";

describe("the fields of a line", () => {
  test("texts, numbers, and what is nested", () => {
    const line =
      '{"msg": "a\\nb", "n": 12345678901234567890, "ok": true, "x": null, "in": {"a": [1]}} ';
    const [msg, n, ok, x, nested] = fieldsOf(line) ?? [];
    expect(msg).toEqual({ name: "msg", value: "a\nb" });
    // Where a browser cannot keep it, it is the nearest number.
    expect(["12345678901234567890", "12345678901234567000"]).toContain(n?.value);
    expect([ok?.value, x?.value]).toEqual(["true", "null"]);
    expect(nested?.value).toBe('{\n  "a": [\n    1\n  ]\n}');
  });

  test("what would act on a terminal, or turn the text, is shown", () => {
    expect(fieldsOf('{"a\\u202e": "\\u001b[31mred\\u0007"}')).toEqual([
      { name: "a\ufffd", value: "␛[31mred␇" },
    ]);
    expect(fieldsOf('\u001b[1m{"a": 1}\u001b[0m')).toBeNull();
  });

  test.each(["", "{", "{}}", "[1]", "text", '{"a": 1} and more', "{'a': 1}"])(
    "none in %j",
    (line) => {
      expect(fieldsOf(line)).toBeNull();
    },
  );

  test("an empty object has none, a long line is left alone", () => {
    expect(fieldsOf("{}")).toEqual([]);
    expect(mayHaveFields(`{"a": "${"x".repeat(MOST_CHARACTERS)}"}`)).toBe(false);
  });
});

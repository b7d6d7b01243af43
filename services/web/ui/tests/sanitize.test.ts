import { expect, test } from "vitest";
import { filled, parsePrefill } from "../src/form/prefill";
import { sanitize } from "../src/sanitize";
import { fields, type Texts, textIn } from "../src/schema";

test("what would reorder or vanish is shown as a mark", () => {
  expect(sanitize("exe.\u202egnp.sh")).toBe("exe.\ufffdgnp.sh");
  expect(sanitize("\u2066a\u2069\u200e\u061c")).toBe("\ufffda\ufffd\ufffd\ufffd");
  expect(sanitize("nul\u0000 esc\u001b del\u007f c1\u009b")).toBe(
    "nul\u2400 esc\u241b del\u2421 c1\ufffd",
  );
  expect(sanitize("two\nlines\tand \u05d0\u05d1 \u{1f4a9}")).toBe(
    "two\nlines\tand \u05d0\u05d1 \u{1f4a9}",
  );
  expect(sanitize(7 as unknown as string)).toBe("7");
});

test("a parameter may be called as what every object has", () => {
  const named = '{"constructor":{"type":"string"},"__proto__":{"type":"string","default":"x"}}';
  const list = fields({ properties: JSON.parse(named) });
  const texts: Texts = filled(list, {});
  expect(textIn(texts, "constructor")).toBe("");
  expect(textIn(texts, "__proto__")).toBe("x");
  expect(textIn(texts, "toString")).toBeUndefined();
  const link = parsePrefill("#start=t&constructor=a&__proto__=b");
  expect(link && textIn(link.texts, "__proto__")).toBe("b");
  expect(link && textIn(link.texts, "constructor")).toBe("a");
});

// Lines that mark errors and warnings: what is shown of them, and which column stands where.

import { describe, expect, test } from "vitest";
import vectors from "../../../../tests/support/marker_vectors.json";
import { annotationOf, decoded, shownSpans, storedColumn } from "../src/log/model/annotation";
import { tokenise } from "../src/log/model/ansi";

function read(line: string) {
  const told = annotationOf(line);
  if (told === null) return null;
  const { runs, swaps } = decoded(told, tokenise(line.slice(told.length)).runs);
  return { shown: told.words + runs.map((run) => run.text).join(""), swaps };
}

describe("marked lines", () => {
  test.each(vectors.lines)("%j", (line, _kind, _text, shown) => {
    expect(read(line ?? "")?.shown).toBe(shown);
  });

  test.each(vectors.none)("%j is none", (line) => {
    expect(read(line)).toBeNull();
  });

  test("every column leads back to the line, and every span to what is shown", () => {
    const line = "::error file=a,line=2::50%25 of%0Aall";
    const { shown = "", swaps = [] } = read(line) ?? {};
    expect(shown).toBe("Error: a:2: 50% of ⏎ all");
    const stored = (word: string) => line.indexOf(word);
    for (const word of ["50", "of", "all"]) {
      const at = shown.indexOf(word);
      expect(storedColumn(swaps, at, true)).toBe(stored(word));
      expect(storedColumn(swaps, at + word.length, false)).toBe(stored(word) + word.length);
      expect(shownSpans(swaps, [[stored(word), stored(word) + word.length]])).toEqual([
        [at, at + word.length],
      ]);
    }
    // Within what was swapped: all of it.
    expect(storedColumn(swaps, 3, true)).toBe(0);
    expect(storedColumn(swaps, 3, false)).toBe(stored("50"));
    expect(storedColumn(swaps, shown.indexOf("⏎"), false)).toBe(stored("all"));
    expect(shownSpans(swaps, [[stored("file"), stored("file") + 4]])).toEqual([
      [0, "Error: a:2: ".length],
    ]);
  });

  test("a very long mark is none, and takes no time", () => {
    const before = performance.now();
    for (const part of ["::error ", "##[error ", " \t"]) {
      expect(annotationOf(part.repeat(20_000))?.length ?? 0).toBeLessThan(5_000);
    }
    expect(performance.now() - before).toBeLessThan(1_000);
  });
});

// What is said of events: the same words as Python's, held to the same vectors.

import { describe, expect, test } from "vitest";
import vectors from "../../../../tests/support/word_vectors.json";
import { cutWords, eventWords } from "../src/log/model/words";
import type { Cut } from "../src/protocol/entry";
import type { Event } from "../src/protocol/event";

describe("events in words", () => {
  test.each(vectors.events as unknown as [Event, string, string][])("%j", (event, text, level) => {
    expect(eventWords(event)).toEqual({ text, level });
  });

  test("a cut", () => {
    const [cut, text] = vectors.cut as unknown as [Cut, string];
    expect(cutWords(cut).text).toBe(text);
  });
});

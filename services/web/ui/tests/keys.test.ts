// Keys and their actions.

import { describe, expect, test } from "vitest";
import { ACTIONS, Keyboard, type Press } from "../src/keys";

describe("keys", () => {
  const press = (key: string, more: Partial<Press> = {}): Press => ({
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    ...more,
  });

  test("name actions", () => {
    const keyboard = new Keyboard();
    const act = (key: string, more: Partial<Press> = {}) => keyboard.action(press(key, more), 0);
    expect([act("j"), act("ArrowUp"), act(" "), act(" ", { shiftKey: true })]).toEqual([
      "down",
      "up",
      "page-down",
      "page-up",
    ]);
    expect([
      act("G", { shiftKey: true }),
      act("N", { shiftKey: true }),
      act("?", { shiftKey: true }),
    ]).toEqual(["last", "previous-hit", "help"]);
    expect([act("f", { ctrlKey: true }), act("F", { metaKey: true }), act("f")]).toEqual([
      "find",
      "find",
      "follow",
    ]);
    expect([act("r", { ctrlKey: true }), act("j", { altKey: true })]).toEqual([null, null]);
  });

  test("g g goes to the first line, one g does nothing", () => {
    const keyboard = new Keyboard();
    expect(keyboard.action(press("g"), 0)).toBeNull();
    expect(keyboard.action(press("g"), 100)).toBe("first");
    expect(keyboard.action(press("g"), 200)).toBeNull();
    expect(keyboard.action(press("g"), 5_000)).toBeNull();
    expect(keyboard.action(press("j"), 5_100)).toBe("down");
  });

  test("single keys can be switched off", () => {
    const keyboard = new Keyboard();
    keyboard.single = false;
    expect(keyboard.action(press("j"), 0)).toBeNull();
    expect(keyboard.action(press("ArrowDown"), 0)).toBe("down");
    expect(keyboard.action(press("f", { ctrlKey: true }), 0)).toBe("find");
  });

  test("no key has two actions", () => {
    const keys = Object.values(ACTIONS).flatMap(([names]) => names.split(" "));
    expect(new Set(keys).size).toBe(keys.length);
  });
});

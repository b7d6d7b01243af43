import { expect, test } from "vitest";
import { Emitter } from "../src/emitter";

test("every listener hears, in order, until it has enough", () => {
  const heard: string[] = [];
  const emitter = new Emitter<[number]>();
  emitter.emit(0);
  const stop = emitter.on((n) => heard.push(`a${n}`));
  emitter.on((n) => heard.push(`b${n}`));
  emitter.emit(1);
  stop();
  emitter.emit(2);
  expect(heard).toEqual(["a1", "b1", "b2"]);
});

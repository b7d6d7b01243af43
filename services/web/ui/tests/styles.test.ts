// Styles carried from line to line, held to a model that reads everything each time.

import { describe, expect, test } from "vitest";
import { carried } from "../src/log/model/ansi";
import { PLAIN, type Style } from "../src/log/model/style";
import { Styles } from "../src/log/model/styles";

const SIZE = 4;
const E = "\u001b";

/** Numbers that are the same every time. */
function* chance(seed: number): Generator<number> {
  let state = seed;
  while (true) {
    state = (state * 48_271) % 2_147_483_647;
    yield state;
  }
}

class Model {
  readonly lines = new Map<number, string>();
  readonly known = new Map<number, Style>();

  at(line: number): Style {
    const known = this.known.get(line);
    if (known) return known;
    const before = this.lines.get(line - 1);
    return before === undefined ? PLAIN : carried(before, this.at(line - 1));
  }
}

describe("styles", () => {
  test.each([1, 7, 99, 2_024])("are those of a reader of everything (%d)", (seed) => {
    const numbers = chance(seed);
    const next = (below: number) => (numbers.next().value ?? 0) % below;
    const model = new Model();
    const blocks = new Map<number, (string | undefined)[]>();
    const styles = new Styles(SIZE, (k) => blocks.get(k));
    let end = 0;
    const put = (line: number) => {
      const text = ["x", `${E}[3${next(8)}m`, `${E}[0m`, `${E}[1my`][next(4)] ?? "";
      const k = Math.floor((line - 1) / SIZE);
      const texts = blocks.get(k) ?? [];
      blocks.set(k, texts);
      texts[(line - 1) % SIZE] = text;
      model.lines.set(line, text);
      styles.came(line);
    };
    for (let step = 0; step < 400; step += 1) {
      if (next(3) > 0) {
        end += 1;
        put(end);
      } else if (next(3) === 0 && end > 0) {
        const line = 1 + next(end);
        const style = { ...PLAIN, fg: next(8) };
        styles.begins(line, style);
        model.known.set(line, style);
      } else {
        const line = 1 + next(end + 1);
        expect([step, line, styles.at(line)]).toEqual([step, line, model.at(line)]);
      }
    }
  });

  test("of what is here stay when what is above is forgotten", () => {
    const blocks = new Map([
      [0, [`${E}[31m`, "a", "b", "c"]],
      [1, ["d", `${E}[1m`, "e", "f"]],
      [2, ["g"]],
    ]);
    const styles = new Styles(SIZE, (k) => blocks.get(k));
    styles.leaves(0);
    blocks.delete(0);
    styles.leaves(1);
    blocks.delete(1);
    expect(styles.at(9)).toEqual({ ...PLAIN, fg: 1, flags: 1 });
    // Where nothing is, nothing is known but what was told.
    expect(styles.at(6)).toEqual(PLAIN);
    styles.begins(6, { ...PLAIN, bg: 4 });
    expect(styles.at(6).bg).toBe(4);
  });
});

import { expect, test } from "vitest";
import { percentOf, percentOfRows } from "../src/percent";

test.each([
  ["writing ━━━━━━━━━━━━━╺━━━━━━ 68 %  312 MB/s", 68],
  [" 45%|████▌     | 45/100 [00:04<00:05, 10.0it/s]", 45],
  ["Top 10% of all:  45%|####      | 45/100 [00:04<00:05, acc=92%]", 45],
  ["Receiving objects:  12% (120/1000), 1.20 MiB | 2.40 MiB/s", 12],
  ["Progress: [ 33%] [######..........]", 33],
  ["building  [####################----------------]   57%  00:00:03", 57],
  ["disk 80% full, [=====>    ] 51.9%", 51],
  ["a 7,5 % share", 7],
  ["copying 99\u00a0%", 99],
  ["⣿⣿⣿⣀⣀ 60%", 60],
  ["100%|##########| 10/10", 100],
  ["0%", 0],
])("the per cent of %j", (text, percent) => {
  expect(percentOf(text)).toBe(percent);
});

test.each(["", "no bar", "%", "1234%", "250% faster", "12 of 40", "50 percent", "7.123456"])(
  "none in %j",
  (text) => {
    expect(percentOf(text)).toBeNull();
  },
);

test("a long line is read at its end only", () => {
  expect(percentOf(`5%${" ".repeat(2_000)}`)).toBeNull();
  expect(percentOf(`${"50% x ".repeat(100_000)}51%|`)).toBe(51);
});

test("of several bars the first that is not done counts", () => {
  expect(percentOfRows(["pull 100%|#|", "pull 40%|#|", "pull 10%|#|"])).toBe(40);
  expect(percentOfRows(["a", "100%"])).toBe(100);
  expect(percentOfRows(["a", "b"])).toBeNull();
  expect(percentOfRows([])).toBeNull();
});

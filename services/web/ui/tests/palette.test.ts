// Text can be read on everything it may stand on.

import { describe, expect, test } from "vitest";
import {
  contrast,
  css,
  DARK,
  LIGHT,
  MIN_CONTRAST,
  paint,
  readable,
} from "../src/log/drawing/palette";
import { INVERSE, PLAIN, TRUE_COLOUR } from "../src/log/model/style";

describe.each([DARK, LIGHT])("$name", (theme) => {
  test("the sixteen on every row", () => {
    for (const bg of [theme.bg, ...theme.rows]) {
      expect(contrast(theme.fg, bg)).toBeGreaterThanOrEqual(MIN_CONTRAST);
      for (const fg of theme.text) {
        expect(contrast(fg, bg)).toBeGreaterThanOrEqual(MIN_CONTRAST);
      }
    }
  });

  test("every pair of the 256", () => {
    for (let fg = -1; fg < 256; fg += 3) {
      for (let bg = -1; bg < 256; bg += 5) {
        for (const flags of [0, INVERSE]) {
          const painted = paint({ ...PLAIN, fg, bg, flags }, theme);
          const pair = contrast(painted.fg ?? theme.fg, painted.bg ?? theme.bg);
          expect(pair).toBeGreaterThanOrEqual(MIN_CONTRAST);
        }
      }
    }
  });

  test("true colours on every row", () => {
    for (let rgb = 0; rgb <= 0xffffff; rgb += 0x010a37) {
      const { fg } = paint({ ...PLAIN, fg: TRUE_COLOUR | rgb }, theme);
      for (const bg of [theme.bg, ...theme.rows]) {
        expect(contrast(fg ?? theme.fg, bg)).toBeGreaterThanOrEqual(MIN_CONTRAST);
      }
    }
  });
});

test("colours that can be read stay as they are", () => {
  expect(readable(0xffffff, 0x000000)).toBe(0xffffff);
  expect(css(0x0a)).toBe("#00000a");
});

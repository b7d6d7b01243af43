// When a relay is taken to hang.

import { expect, test } from "vitest";
import { isSilent } from "../src/reading/silence";

test.each([
  ["nothing is known yet", null, { written: 9, shown: 3 }, false],
  ["it was ahead of the record", { written: 3, shown: 5 }, { written: 9, shown: 5 }, false],
  ["all was shown, and more came since", { written: 5, shown: 5 }, { written: 9, shown: 5 }, false],
  ["it brings what is there, slowly", { written: 9, shown: 3 }, { written: 9, shown: 4 }, false],
  ["there was more, and nothing came", { written: 9, shown: 3 }, { written: 9, shown: 3 }, true],
] as const)("%s", (_when, before, now, silent) => {
  expect(isSilent(before, now)).toBe(silent);
});

// Colour codes and links; what becomes of everything else.

import { describe, expect, test } from "vitest";
import vectors from "../../../../tests/support/line_vectors.json";
import { carried, plain, tokenise } from "../src/log/model/ansi";
import {
  BOLD,
  DIM,
  INVERSE,
  ITALIC,
  PLAIN,
  STRIKE,
  type Style,
  styleOf,
  TRUE_COLOUR,
  UNDERLINE,
} from "../src/log/model/style";

const E = "\u001b";

function only(line: string): { text: string; style: Style } {
  const { runs } = tokenise(line);
  expect(runs).toHaveLength(1);
  return runs[0] ?? { text: "", style: PLAIN };
}

describe("colours", () => {
  test.each<[string, Partial<Style>]>([
    [`${E}[31mx`, { fg: 1 }],
    [`${E}[97mx`, { fg: 15 }],
    [`${E}[44mx`, { bg: 4 }],
    [`${E}[103mx`, { bg: 11 }],
    [`${E}[38;5;208mx`, { fg: 208 }],
    [`${E}[48:5:17mx`, { bg: 17 }],
    [`${E}[38;2;1;2;3mx`, { fg: TRUE_COLOUR | 0x010203 }],
    [`${E}[38:2:1:2:3mx`, { fg: TRUE_COLOUR | 0x010203 }],
    [`${E}[38:2::1:2:3mx`, { fg: TRUE_COLOUR | 0x010203 }],
    [`${E}[48;2;999;2;3mx`, { bg: TRUE_COLOUR | 0xff0203 }],
    [`${E}[1;2;3;4;7;9mx`, { flags: BOLD | DIM | ITALIC | UNDERLINE | INVERSE | STRIKE }],
    [`${E}[4:3mx`, { flags: UNDERLINE }],
    [`${E}[4m${E}[4:0mx`, { flags: 0 }],
    [`${E}[58;5;1;3mx`, { flags: ITALIC }],
    [`${E}[1;31m${E}[22;39mx`, {}],
    [`${E}[31m${E}[mx`, {}],
  ])("%j", (line, style) => {
    expect(only(line)).toEqual({ text: "x", style: { ...PLAIN, ...style } });
  });

  test("go on over lines until they are ended", () => {
    const after = tokenise(`a${E}[31mb`).style;
    expect(tokenise("c", after).runs[0]?.style.fg).toBe(1);
    expect(carried(`a${E}[31mb`, PLAIN)).toEqual(after);
    expect(carried("plain", after)).toBe(after);
    expect(carried(`${E}[0m`, after)).toBe(PLAIN);
  });

  test("an unfinished line and a whole one end in the same style at every split", () => {
    const line = `a${E}[1;31mb${E}[38:2::1:2:3mc${E}]8;;https://x.y/\u0007d${E}]8;;\u0007e${E}[0mf`;
    for (let i = 0; i <= line.length; i += 1) {
      const { runs } = tokenise(line.slice(0, i));
      for (const run of runs) expect(run.text).not.toContain(E);
    }
  });
});

describe("the server's answers", () => {
  const list = ({ fg, bg, flags, href }: Style) => [fg, bg, flags, href];

  test.each(vectors.texts as [string, string][])("%j is read as %j", (line, text) => {
    expect(plain(line)).toBe(text);
  });

  test.each(vectors.styles as [string, unknown[]][])("%j leaves a style", (line, style) => {
    expect(list(tokenise(line).style)).toEqual(style);
  });

  test("lines made by chance", () => {
    for (const [line, text, style] of vectors.generated as [string, string, unknown[]][]) {
      expect([line, plain(line)]).toEqual([line, text]);
      expect([line, list(tokenise(line).style)]).toEqual([line, style]);
      expect([line, list(carried(line, PLAIN))]).toEqual([line, style]);
    }
  });

  test("what it says of a style gives it", () => {
    expect(styleOf("", "")).toBe(PLAIN);
    expect(styleOf("1;38;5;208", "https://a.b/")).toEqual({
      fg: 208,
      bg: -1,
      flags: BOLD,
      href: "https://a.b/",
    });
  });
});

describe("other sequences", () => {
  test.each([
    ["plain", "plain"],
    [`a${E}[Kb`, "ab"],
    [`${E}[?25lx`, "x"],
    [`${E}[2Ax`, "x"],
    [`${E}(Bx`, "x"],
    [`${E}7x${E}8`, "x"],
    [`${E}[>4;1mx`, "x"],
    [`${E}]0;title\u0007text`, "text"],
    [`${E}]0;title${E}\\text`, "text"],
    [`${E}Pq#0${E}\\x`, "x"],
    [`${E}_hidden${E}\\x`, "x"],
    [`${E}`, "␛"],
    [`a${E}[`, "a␛["],
    [`a${E}[12`, "a␛[12"],
    [`${E}]8;;http://x`, "␛]8;;http://x"],
    [`${E}]0;a${E}[31mb`, "␛]0;ab"],
    ["bell\u0007", "bell␇"],
    ["nul\u0000", "nul␀"],
    ["del\u007f", "del␡"],
    ["c1\u009b31m", "c1\ufffd31m"],
    ["tab\tstays", "tab\tstays"],
    ["windows\r", "windows"],
    ["windows\r\r", "windows"],
    ["10 %\r20 %\r30 %", "30 %"],
    ["longer\rab", "abnger"],
    [`longer\rab${E}[K`, "ab"],
    [`longer\r${E}[2Kab`, "ab"],
    ["ab\bc", "ac"],
    ["\b\b\bx", "x"],
    ["\u202egnp.exe", "\ufffdgnp.exe"],
    ["a\u2066b\u200fc\u061cd", "a\ufffdb\ufffdc\ufffdd"],
    ["<script>alert(1)</script>", "<script>alert(1)</script>"],
  ])("%j is shown as %j", (line, shown) => {
    expect(plain(line)).toBe(shown);
  });

  test("what is overwritten keeps the colour it was written in", () => {
    expect(tokenise(`abc\r${E}[31mX`).runs).toEqual([
      { text: "X", style: { ...PLAIN, fg: 1 } },
      { text: "bc", style: PLAIN },
    ]);
  });
});

describe("links", () => {
  test.each([
    [`${E}]8;;https://a.b/c\u0007x${E}]8;;\u0007`, "https://a.b/c"],
    [`${E}]8;id=1;http://a.b/;d${E}\\x${E}]8;;${E}\\`, "http://a.b/;d"],
    [`${E}]8;;javascript:alert(1)\u0007x`, ""],
    [`${E}]8;;JaVaScRiPt:alert(1)\u0007x`, ""],
    [`${E}]8;;data:text/html,x\u0007x`, ""],
    [`${E}]8;;file:///etc/passwd\u0007x`, ""],
    [`${E}]8;;https://a.b/ c\u0007x`, ""],
    [`${E}]8;;https://a.b/\u202e\u0007x`, ""],
    [`${E}]8;;https://${"a".repeat(3000)}\u0007x`, ""],
  ])("%j", (line, href) => {
    expect(only(line)).toEqual({ text: "x", style: { ...PLAIN, href } });
  });

  test("end where they say", () => {
    const { runs, style } = tokenise(`${E}]8;;https://a.b\u0007${E}[31mx${E}]8;;\u0007y`);
    expect(runs.map((run) => [run.text, run.style.href, run.style.fg])).toEqual([
      ["x", "https://a.b", 1],
      ["y", "", 1],
    ]);
    expect(style.href).toBe("");
  });
});

test("hostile input takes linear time", { timeout: 60_000 }, () => {
  const pieces = [
    "\u001b",
    `${E}[`,
    `${E}]`,
    `${E}[1;`,
    `${E}]8;;`,
    `${E}P`,
    "\r",
    "\b",
    `a\r${E}[K`,
    `${E}[2K`,
    `${E}[2Kab`,
    `ab\b${E}[1K`,
  ];
  const began = performance.now();
  for (const piece of pieces) {
    tokenise(piece.repeat(500_000 / piece.length));
    tokenise(piece + "1;".repeat(250_000));
    carried(piece.repeat(500_000 / piece.length), PLAIN);
  }
  expect(performance.now() - began).toBeLessThan(30_000);
});

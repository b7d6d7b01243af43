// Makes the pages' fonts of the packages' fonts: only the characters, features and weights that the pages use.
//
// Run before the build. The files are in `fonts/made`; `src/design/fonts.css` says which characters are in which.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import subsetFont from "subset-font";

/** All characters from one to another. */
function from(first, last) {
  return Array.from({ length: last - first + 1 }, (_, at) => String.fromCodePoint(first + at)).join(
    "",
  );
}

const LATIN = `${from(0x20, 0x7e)}${from(0xa0, 0xff)}ıŒœˆ˚˜${from(0x2010, 0x2027)}${from(0x202f, 0x203a)}€™−�`;
const LATIN_EXTENDED = `${from(0x100, 0x17f)}${from(0x218, 0x21b)}ẞ`;
const BOXES_AND_BLOCKS = from(0x2500, 0x259f);
/** What progress bars, spinners, trees and checks draw besides: those that JetBrains Mono has. */
const SIGNS = `←↑→↓↔↕↖↗↘↙⇧⌂⌘⌥⏻■□▪▫▲△▴▵▶▷▸▹►▻▼▽▾▿◀◁◂◃◄◅◆◇◊◌◎●◔◕◧◨◯⚠⚡✕❮❯❰❱√∞≈≠≡≤≥∀∂∃∈∏∑∙∫⭘`;
/** And those that it lacks. */
const MORE_SIGNS = `${from(0x2400, 0x2426)}↨↹⇒⇞⇟⇤⇥⇨⇪⌦⌨⌫⎋⏎○◉◐◑◒◓★✓✔✗➜⋮⋯`;
const BRAILLE = from(0x2800, 0x28ff);

const INTER = "@fontsource-variable/inter/files/inter";
const JETBRAINS = "@expo-google-fonts/jetbrains-mono";
const COMMIT = "@fontsource/commit-mono/files/commit-mono-latin-400-normal.woff2";

/** Numbers of equal width, and accents in their places; the log needs no more than these. */
const TEXT = ["ccmp", "kern", "locl", "mark", "mkmk", "tnum"];
const CELLS = ["ccmp", "locl", "mark"];
/** The lightest and the boldest that the pages use. */
const WEIGHTS = { variationAxes: { wght: { min: 400, max: 650 } } };

const FONTS = {
  "inter-latin": [`${INTER}-latin-wght-normal.woff2`, LATIN, TEXT, WEIGHTS],
  "inter-latin-extended": [`${INTER}-latin-ext-wght-normal.woff2`, LATIN_EXTENDED, TEXT, WEIGHTS],
  "mono-regular": [
    `${JETBRAINS}/400Regular/JetBrainsMono_400Regular.ttf`,
    LATIN + LATIN_EXTENDED,
    CELLS,
    {},
  ],
  "mono-bold": [
    `${JETBRAINS}/700Bold/JetBrainsMono_700Bold.ttf`,
    LATIN + LATIN_EXTENDED,
    CELLS,
    {},
  ],
  "mono-signs": [
    `${JETBRAINS}/400Regular/JetBrainsMono_400Regular.ttf`,
    BOXES_AND_BLOCKS + SIGNS,
    CELLS,
    {},
  ],
  "mono-more-signs": [COMMIT, BRAILLE + MORE_SIGNS, CELLS, {}],
};

/** Copyright, licence and where the licence can be read: the licence asks that they stay. */
const NAME_IDS = [0, 13, 14];

const made = new URL("made/", import.meta.url);
const { resolve } = createRequire(import.meta.url);
await mkdir(made, { recursive: true });
for (const [name, [source, characters, keepFeatures, more]] of Object.entries(FONTS)) {
  const font = await subsetFont(await readFile(resolve(source)), characters, {
    targetFormat: "woff2",
    noHinting: true,
    preserveNameIds: NAME_IDS,
    keepFeatures,
    ...more,
  });
  await writeFile(new URL(`${name}.woff2`, made), font);
}

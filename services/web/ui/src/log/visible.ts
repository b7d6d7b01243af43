// One stored line as text for the eye: colour codes dropped, other control
// characters and direction overrides shown as marks. Pure; the stored line and
// the download keep every byte.

// CSI sequences, OSC sequences up to their end, and two-character escapes.
const ESCAPES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[ -/]*[0-OQ-Z\\^_`a-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f]/g;
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g;

/** Longest text of a row in UTF-16 units; a line may have 64 KiB. */
export const SHOWN_CHARACTERS = 4096;

export function visible(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  return text
    .replace(ESCAPES, "")
    .replace(CONTROLS, (c) =>
      c === "\u007f" ? "␡" : String.fromCharCode(0x2400 + c.charCodeAt(0)),
    )
    .replace(DIRECTIONS, "\ufffd");
}

/** The text of a row and how many characters it leaves out. */
export function clipped(line: string, limit = SHOWN_CHARACTERS): { text: string; more: number } {
  const text = visible(line);
  if (text.length <= limit) return { text, more: 0 };
  return { text: text.slice(0, limit), more: text.length - limit };
}

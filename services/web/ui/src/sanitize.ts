// Names and sentences that somebody else wrote, as they are shown outside a log. Pure.

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const CONTROLS = /[\u0000-\u0008\u000b-\u001f]/g;
const OTHERS = /[\u0080-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Control characters as pictures, direction overrides as marks: they would reorder what stands beside them. */
export function sanitize(text: string): string {
  // What a worker publishes may be anything.
  return String(text)
    .replace(CONTROLS, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replaceAll("\u007f", "␡")
    .replace(OTHERS, "\ufffd");
}

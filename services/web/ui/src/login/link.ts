// A login link: its code is behind the `#`, which browsers send to no server. Pure.

export const LINK_PREFIX = "#login=";

/** The code in what is behind the `#`; null if there is none. */
export function codeOf(hash: string): string | null {
  if (!hash.startsWith(LINK_PREFIX)) return null;
  const text = hash.slice(LINK_PREFIX.length);
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// Where to go after the login: the address says so, and anybody can have written the address. Pure.

const LONGEST = 1_000;
// What has a backslash, a control character or two slashes can lead a browser to another site.
const SAFE = /^\/(?!\/)[^\\\p{Cc}]*$/u;

/**
 * The path to go to.
 *
 * @param search - The login page's query.
 * @param hash - What is behind its `#`; it belongs to the page where somebody wanted to go.
 * @param base - What comes before every path of ours.
 */
export function nextOf(search: string, hash: string, base: string): string {
  const wanted = new URLSearchParams(search).get("next") ?? "";
  const home = `${base}/`;
  if (wanted.length > LONGEST || !SAFE.test(wanted)) return home;
  // Whoever has logged in has no use for the login.
  if (wanted.split(/[?#]/, 1)[0] === `${base}/login`) return home;
  return wanted.includes("#") ? wanted : wanted + hash;
}

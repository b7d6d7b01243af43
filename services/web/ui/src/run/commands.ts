// Commands for a shell, about one run. Pure.

/** A word that a POSIX shell takes as it is. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._~-]*$/;

function quoted(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Its output as it comes, on a machine that has Runtail's command line. */
export function followCommand(runId: string): string {
  // What begins with a dash would be an option.
  return `runtail follow ${runId.startsWith("-") ? "-- " : ""}${quoted(runId)}`;
}

/** Its whole log. `login`: people have to say who they are. */
export function curlCommand(address: string, login: boolean): string {
  const token = login ? '-H "Authorization: Bearer $TOKEN" ' : "";
  return `curl ${token}${quoted(address)}`;
}

// The addresses of pages.

/** The run whose page this path is; null if it is none. */
export function runOf(pathname: string): string | null {
  const name = /^\/runs\/([^/]+)$/.exec(pathname)?.[1];
  if (name === undefined) return null;
  try {
    return decodeURIComponent(name);
  } catch {
    // Typed by hand: a bare % stands for itself, as it does for the server.
    return name;
  }
}

/** Leave for the page of a run. */
export function goTo(runId: string): void {
  location.assign(`/runs/${encodeURIComponent(runId)}`);
}

// The addresses of pages, and what comes before every path of ours.

/** The base path, which the page is told in a meta element; empty: the whole host is ours. */
export function basePath(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="runtail-base"]')?.content ?? "";
}

/** The address, on this host, of a path of ours. */
export function here(path: string): string {
  return `${basePath()}${path}`;
}

/** The page of a run. */
export function runAddress(runId: string): string {
  return here(`/runs/${encodeURIComponent(runId)}`);
}

export const AUDIT = "/audit";
export const LOGIN = "/login";
export const TOKENS = "/tokens";
export const WATCH = "/watch";
/** Where a code of `runtail login` is typed. */
export const COMMAND_LINE = "/cli";

/** The ways to log in here, which the page is told in a meta element. */
export function modes(): readonly string[] {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="runtail-modes"]');
  return (meta?.content ?? "").split(" ").filter(Boolean);
}

/** The name of the provider where people log in; empty if there is none. */
export function provider(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="runtail-provider"]')?.content ?? "";
}

/** Whether people say here who they are. */
export function hasLogin(): boolean {
  const known = modes();
  return known.length > 0 && !known.includes("none");
}

/** Whether a proxy in front of us logs people in. */
export function byProxy(): boolean {
  return modes().includes("proxy");
}

/** The login page, which leads back to `place`: what is behind the `#` is kept behind it, as browsers do. */
export function loginAddress({ pathname, search, hash }: Location | URL): string {
  return `${here(LOGIN)}?next=${encodeURIComponent(pathname + search)}${hash}`;
}

/** The run whose page this path is; null if it is none. */
export function runOf(pathname: string, base: string): string | null {
  const pages = `${base}/runs/`;
  const name = pathname.startsWith(pages) ? pathname.slice(pages.length) : "";
  if (!name || name.includes("/")) return null;
  try {
    return decodeURIComponent(name);
  } catch {
    // Typed by hand: a bare % stands for itself, as it does for the server.
    return name;
  }
}

/** The share link whose page this path is; null if it is none. */
export function shareOf(pathname: string, base: string): string | null {
  return new RegExp(`^${base}/s/([a-z0-9]{1,40})$`).exec(pathname)?.[1] ?? null;
}

/** Leave for the page of a run. */
export function goTo(runId: string): void {
  location.assign(runAddress(runId));
}

/** The form with the values of a run. */
export function againAddress(runId: string): string {
  return here(`/#again=${encodeURIComponent(runId)}`);
}

/** The most logs that are shown beside each other. */
export const MOST_WATCHED = 6;

/** The page with the logs of several runs; of more than it shows, the first. */
export function watchAddress(runIds: readonly string[]): string {
  const some = runIds.slice(0, MOST_WATCHED);
  return here(`${WATCH}?${new URLSearchParams(some.map((id) => ["run", id]))}`);
}

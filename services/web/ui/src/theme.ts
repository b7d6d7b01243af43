// Dark or light: what the system says, until somebody chooses otherwise.

import { computed, effect, signal } from "@preact/signals";
import { basePath } from "./address";
import { recall, remember } from "./storage";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const NAME = "theme";
/** Read in `shell.py`. */
const COOKIE = "runtail-theme";
const YEAR_SECONDS = 31_536_000;

export function parseTheme(text: string | null): Theme {
  return THEMES.find((theme) => theme === text) ?? "system";
}

export const theme = signal<Theme>("system");
const systemDark = signal(false);

/** What is shown in the end. */
export const dark = computed(() =>
  theme.value === "system" ? systemDark.value : theme.value === "dark",
);

export function setTheme(wanted: Theme): void {
  theme.value = wanted;
  remember(NAME, wanted === "system" ? null : wanted);
}

/** For the pages that the server writes: they run no script. */
function tellServer(chosen: Theme): void {
  const seconds = chosen === "system" ? 0 : YEAR_SECONDS;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  // biome-ignore lint/suspicious/noDocumentCookie: browsers have no other way on plain http
  document.cookie = `${COOKIE}=${chosen}; Path=${basePath() || "/"}; Max-Age=${seconds}; SameSite=Lax${secure}`;
}

/** Read what was chosen, and keep the document and other tabs in step. Called once. */
export function startTheme(): void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  systemDark.value = system.matches;
  theme.value = parseTheme(recall(NAME));
  system.addEventListener("change", () => {
    systemDark.value = system.matches;
  });
  window.addEventListener("storage", () => {
    theme.value = parseTheme(recall(NAME));
  });
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
    tellServer(theme.value);
  });
}

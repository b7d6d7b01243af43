// Dark or light: what the system says, until somebody chooses otherwise.

import { computed, effect, signal } from "@preact/signals";
import { recall, remember } from "./storage";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const NAME = "theme";

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
  });
}

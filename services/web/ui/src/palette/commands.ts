// Where the command palette leads, and what it sets.

import { AUDIT, byProxy, hasLogin, here, LOGIN, TOKENS, WATCH } from "../address";
import { logOut, type Session } from "../api";
import { setSound, sound } from "../tell/sound";
import { setTheme, THEMES, type Theme } from "../theme";
import type { Command } from "./choices";

const THEME_WORDS: Record<Theme, string> = {
  system: "Theme as the system's",
  light: "Light theme",
  dark: "Dark theme",
};

/** For who is looking. `theme`: the one that is chosen. */
export function commandsFor(who: Session | null, theme: Theme): Command[] {
  const may = (right: string) => who?.rights.includes(right) === true;
  const page = (text: string, path: string, words = ""): Command => ({
    text,
    about: path,
    group: "Pages",
    words,
    act: () => location.assign(here(path)),
  });
  const pages = [
    page("Runs", "/", "list home"),
    page("Failed runs", "/?state=failed", "list errors"),
    page("Watch running runs", `${WATCH}?state=running`, "several live logs"),
  ];
  if (may("admin")) pages.push(page("Audit log", AUDIT, "who did what"));
  if (hasLogin() && may("token:own")) pages.push(page("API tokens", TOKENS, "keys secrets"));
  pages.push(page("API reference", "/api", "openapi docs curl"));
  const settings = THEMES.map((one) => ({
    text: THEME_WORDS[one],
    about: one === theme ? "chosen" : "",
    group: "Settings",
    words: "theme colours appearance mode",
    act: () => setTheme(one),
  }));
  const tone: Command = {
    text: sound.value ? "No sound at the end of a run" : "Sound at the end of a run",
    about: "for runs that you want to be told of",
    group: "Settings",
    words: "notification tone beep mute tell me",
    act: () => setSound(!sound.peek()),
  };
  return [...pages, ...settings, tone, ...account(who)];
}

function account(who: Session | null): Command[] {
  if (!hasLogin() || !who?.can_log_out) return [];
  const leave = async (everywhere: boolean) => {
    const answer = await logOut(everywhere);
    location.assign(answer?.leads_to ?? here(LOGIN));
  };
  const command = (text: string, about: string, everywhere: boolean): Command => ({
    text,
    about,
    group: "Account",
    words: "sign out logout leave",
    act: () => leave(everywhere),
  });
  const commands = [command("Log out", "", false)];
  if (!byProxy()) commands.push(command("Log out everywhere", "in every browser", true));
  return commands;
}

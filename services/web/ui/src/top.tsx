// The bar at the top of every page: where we are, the connection, the theme.

import type { ComponentChildren } from "preact";
import { Account } from "./account";
import { AUDIT, basePath, hasLogin, here, LOGIN, shareOf } from "./address";
import { ahead } from "./clock";
import { Icon, Mark } from "./design/icon";
import type { IconName } from "./design/icons";
import { Search } from "./palette/search";
import { sanitize } from "./sanitize";
import { setTheme, THEMES, type Theme, theme } from "./theme";
import { duration } from "./time";
import { who } from "./who";

const ICONS: Record<Theme, IconName> = {
  system: "themeSystem",
  light: "themeLight",
  dark: "themeDark",
};

export function Top({ place, children }: { place?: string; children: ComponentChildren }) {
  return (
    <header class="top">
      {who.value?.exposed && (
        <p class="exposed">
          There is no login: everybody who reaches this address is an administrator.
        </p>
      )}
      <a class="brand" href={here("/")}>
        <Mark />
        Runtail
      </a>
      {location.pathname !== here(LOGIN) && <Pages />}
      <span class="place">{place && sanitize(place)}</span>
      {isInside() && <Search />}
      {children}
      <ThemeSwitch />
      <Account />
    </header>
  );
}

/** Those who log in, and guests, have nothing to search. */
function isInside(): boolean {
  return location.pathname !== here(LOGIN) && shareOf(location.pathname, basePath()) === null;
}

/** Where else to go. With a login, what few people need is in their menu. */
function Pages() {
  const at = (path: string) => (location.pathname === here(path) ? "page" : undefined);
  return (
    <nav aria-label="Pages">
      <a href={here("/")} aria-current={at("/")}>
        Runs
      </a>
      {!hasLogin() && who.value?.rights.includes("admin") && (
        <a href={here(AUDIT)} aria-current={at(AUDIT)}>
          Audit log
        </a>
      )}
    </nav>
  );
}

export function ThemeSwitch() {
  const now = theme.value;
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length] ?? "system";
  return (
    <button
      type="button"
      class="quiet square theme"
      title={`Theme: ${now}. Click for ${next}`}
      onClick={() => setTheme(next)}
    >
      <Icon name={ICONS[now]} />
      <span class="unseen">Theme: {now}</span>
    </button>
  );
}

/** Said where times are shown, when this computer's clock is not the server's. */
export function ClockNote() {
  const by = ahead.value;
  if (by === 0) return null;
  return (
    <p class="note">
      Your computer's clock is {duration(Math.abs(by))} {by > 0 ? "ahead of" : "behind"} the
      server's. Ages and durations use the server's clock.
    </p>
  );
}

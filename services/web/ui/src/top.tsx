// The bar at the top of every page: where we are, the connection, the theme.

import type { ComponentChildren } from "preact";
import { ahead } from "./clock";
import { sanitize } from "./sanitize";
import { setTheme, THEMES, type Theme, theme } from "./theme";
import { duration } from "./time";

const ICONS: Record<Theme, string> = { system: "◐", light: "☀", dark: "☾" };

export function Top({ place, children }: { place?: string; children: ComponentChildren }) {
  return (
    <header class="top">
      <span class="where">
        <a href="/">Runtail</a>
        {place && <span class="place"> › {sanitize(place)}</span>}
      </span>
      {children}
      <ThemeSwitch />
    </header>
  );
}

function ThemeSwitch() {
  const now = theme.value;
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length] ?? "system";
  return (
    <button
      type="button"
      class="quiet theme"
      title={`Theme: ${now}. Click for ${next}`}
      onClick={() => setTheme(next)}
    >
      <span aria-hidden="true">{ICONS[now]}</span>
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

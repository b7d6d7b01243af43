// The time column: off, the clock, since the run began, since the line before. Pure.

export const TIME_MODES = ["off", "clock", "since start", "gap"] as const;
export type TimeMode = (typeof TIME_MODES)[number];

export function nextMode(mode: TimeMode): TimeMode {
  return TIME_MODES[(TIME_MODES.indexOf(mode) + 1) % TIME_MODES.length] ?? "off";
}

// One formatter for all rows: making one costs more than a thousand uses.
const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** `1:02:03.4`, `2:03.4`, `3.4 s`. */
export function elapsed(ms: number): string {
  const sign = ms < 0 ? "-" : "";
  const tenths = Math.round(Math.abs(ms) / 100);
  const seconds = tenths / 10;
  if (seconds < 60) return `${sign}${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds % 60).toFixed(1).padStart(4, "0");
  if (minutes < 60) return `${sign}${minutes}:${rest}`;
  return `${sign}${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

const DAY = new Intl.DateTimeFormat("sv-SE");

/** All that there is to say of when something was written: `14:05:09.123 · 3.4 s`, with the day if it is another one. */
export function timeBeside(t: number, began: number | null): string {
  if (began === null) return `${DAY.format(t)} ${CLOCK.format(t)}`;
  const day = DAY.format(t) === DAY.format(began) ? "" : `${DAY.format(t)} `;
  return `${day}${CLOCK.format(t)} · ${elapsed(t - began)}`;
}

/** What to write beside a line. */
export function timeText(
  mode: TimeMode,
  t: number | null,
  began: number | null,
  before: number | null,
): string {
  if (mode === "off" || t === null) return "";
  if (mode === "clock") return CLOCK.format(t);
  if (mode === "since start") return began === null ? "" : elapsed(t - began);
  if (before === null || t - before < 50) return "";
  return `+${elapsed(t - before)}`;
}

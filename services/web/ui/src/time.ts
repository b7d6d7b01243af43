// Ages, durations and clock times in words. Pure.

/** `14:05:09` in the reader's own zone. */
export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString("en-GB");
}

/** `2026-11-23 14:05:09`, for a list. */
export function stamp(ms: number): string {
  return `${new Date(ms).toLocaleDateString("sv-SE")} ${clock(ms)}`;
}

/** `4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return s % 60 === 0 ? `${min} min` : `${min} min ${s % 60} s`;
  const h = Math.floor(min / 60);
  if (h < 24) return min % 60 === 0 ? `${h} h` : `${h} h ${min % 60} min`;
  const d = Math.floor(h / 24);
  return h % 24 === 0 ? `${d} d` : `${d} d ${h % 24} h`;
}

/** As {@link duration}, for what is over: `< 0.1 s`, `0.4 s`, `9.9 s`, `10 s`. */
export function lasted(ms: number): string {
  if (ms < 100) return "< 0.1 s";
  return ms < 10_000 ? `${(Math.floor(ms / 100) / 10).toFixed(1)} s` : duration(ms);
}

/** `now`, `12 s`, `3 min`, `5 h`, `2 d`: an age at a glance. */
export function age(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 3) return "now";
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** As {@link lasted}, at a glance: `0.4 s`, `0:58`, `12:08`, `3 h 12 min`. `over`: it goes on no more. */
export function span(ms: number, over: boolean): string {
  if (ms >= 3_600_000) return duration(ms);
  if (over && ms < 10_000) return lasted(ms);
  const s = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

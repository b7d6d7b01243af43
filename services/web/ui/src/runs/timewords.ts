// Times that a text in the filter box may mean. Pure.

import { type Bounds, boundsWords, dayAfter, SPANS } from "../bounds";

export interface Meant extends Bounds {
  readonly words: string;
}

const UNITS: Readonly<Record<string, "m" | "h" | "d">> = {
  m: "m",
  min: "m",
  minute: "m",
  h: "h",
  hour: "h",
  d: "d",
  day: "d",
};
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** The times that a text begins or names, in the reader's own zone; of no text, those that are offered always. */
export function timesMeant(text: string, now: Date): Meant[] {
  const wanted = text.toLowerCase().replace(/\s+/g, " ").trim();
  const offered = [
    ...SPANS.map(([since, words]) => ({ words, since, until: "" })),
    ...[0, -1].map((days) => {
      return { ...on(dayAfter(now, days)), words: days === 0 ? "Today" : "Yesterday" };
    }),
  ];
  const begun = offered.filter(({ words }) => ` ${words.toLowerCase()}`.includes(` ${wanted}`));
  const all = [...begun, ...spanMeant(wanted), ...dayMeant(wanted, now)];
  return all.filter(({ words }, at) => all.findIndex((one) => one.words === words) === at);
}

/** `3h`, `90 min`, `last 2 days`. */
function spanMeant(text: string): Meant[] {
  const found = /^(?:last |past )?(\d{1,4}) ?([a-z]+)$/.exec(text);
  const unit = UNITS[found?.[2]?.replace(/s$/, "") ?? ""];
  if (!found || !unit || Number(found[1]) === 0) return [];
  return [named({ since: `${Number(found[1])}${unit}`, until: "" })];
}

/** `2026-11-29`, `29 nov`, `since yesterday`, `before 29 Nov 2026`. */
function dayMeant(text: string, now: Date): Meant[] {
  const found = /^(?:(on|since|from|after|until|before) )?(.+)$/.exec(text);
  const day = dayOf(found?.[2] ?? "", now);
  if (!day) return [];
  const { since, until } = on(day);
  const ways = {
    on: named({ since, until }),
    since: named({ since, until: "" }),
    before: named({ since: "", until: since }),
  };
  switch (found?.[1]) {
    case undefined:
      return [ways.on, ways.since, ways.before];
    case "on":
      return [ways.on];
    case "until":
    case "before":
      return [ways.before];
    default:
      return [ways.since];
  }
}

function dayOf(text: string, now: Date): Date | null {
  if (text === "today" || text === "yesterday") {
    return dayAfter(now, text === "today" ? 0 : -1);
  }
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text);
  if (iso) return valid(Number(iso[1]), Number(iso[2]) - 1, Number(iso[3]));
  const written = /^(\d{1,2})\.? ([a-z]{3})[a-z]*\.?(?: (\d{4}))?$/.exec(text);
  const month = MONTHS.indexOf(written?.[2] ?? "");
  if (!written || month < 0) return null;
  const date = Number(written[1]);
  if (written[3]) return valid(Number(written[3]), month, date);
  // Without a year the last one that there was.
  const day = valid(now.getFullYear(), month, date);
  return day && day > now ? valid(now.getFullYear() - 1, month, date) : day;
}

/** Null for the 30th of February. */
function valid(year: number, month: number, date: number): Date | null {
  const day = new Date(year, month, date);
  return year >= 1970 && day.getMonth() === month && day.getDate() === date ? day : null;
}

function on(day: Date): Bounds {
  return { since: midnight(day), until: midnight(dayAfter(day)) };
}

/** As the inputs beside the filter take it. */
function midnight(day: Date): string {
  return `${day.toLocaleDateString("sv-SE")}T00:00`;
}

function named(bounds: Bounds): Meant {
  return { ...bounds, words: boundsWords(bounds) };
}

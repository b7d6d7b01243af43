// Presets: values that a task has a name for, put into its form. Pure.

import { type Field, type Texts, textIn, textOf } from "../schema";
import { fits } from "./prefill";

export type Values = Readonly<Record<string, unknown>>;

/** What a preset writes into fields; never into secrets. */
export function presetTexts(list: readonly Field[], values: Values): Texts {
  const texts = list.flatMap((field) => {
    if (field.kind === "secret" || !Object.hasOwn(values, field.name)) return [];
    const text = textOf(field, values[field.name]);
    return fits(field, text) ? [[field.name, text] as const] : [];
  });
  return Object.fromEntries(texts);
}

/** Its values that have no field of their own: they are sent as they are. */
export function besides(list: readonly Field[], values: Values): Values {
  const names = new Set(list.map(({ name }) => name));
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.has(name)));
}

/** Another preset: what is left of the one before goes, and what people wrote in other fields stays. */
export function switched(list: readonly Field[], texts: Texts, before: Values, now: Values): Texts {
  const old = presetTexts(list, before);
  const left = list.map(({ name, initial }) => {
    const text = textIn(texts, name) ?? null;
    return [name, Object.hasOwn(old, name) && old[name] === text ? initial : text] as const;
  });
  return { ...Object.fromEntries(left), ...presetTexts(list, now) };
}

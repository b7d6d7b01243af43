// The values of a form's fields, and what is wrong with them.

import { type Field, fieldValue, type Texts, textIn } from "../schema";
import { faultOf } from "./rules";

export function read(form: HTMLFormElement, list: readonly Field[], texts: Texts) {
  const values: [name: string, value: unknown][] = [];
  const faults = new Map<string, string>();
  for (const field of list) {
    const text = textIn(texts, field.name) ?? null;
    const input = form.elements.namedItem(field.name);
    try {
      // Half a date is none, and would be left out in silence.
      if (input instanceof HTMLInputElement && input.validity.badInput) {
        throw new Error("is not complete");
      }
      const fault = faultOf(field, text);
      if (fault) throw new Error(fault);
      const value = fieldValue(field, text);
      if (value !== undefined) values.push([field.name, value]);
    } catch (error) {
      faults.set(field.name, (error as Error).message);
    }
  }
  return { kwargs: Object.fromEntries(values), faults };
}

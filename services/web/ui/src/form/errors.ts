// The server's errors, put to the fields they are about. Pure.

import type { FieldError } from "../api";
import type { Field } from "../schema";
import { LABELS, TITLE } from "./named";

/** What people say about a run, where no parameter has that name. */
const OWN = new Map([
  ["title", TITLE],
  ["labels", LABELS],
]);

/** The way to the wrong value: names and indexes. */
function pathOf(error: FieldError, names: ReadonlySet<string>): string[] {
  // A name may hold dots itself: the longest that fits is meant.
  const parts = error.field.replace(/^kwargs\./, "").split(".");
  for (let length = parts.length; length > 0; length -= 1) {
    const name = parts.slice(0, length).join(".");
    if (names.has(name)) return [name, ...parts.slice(length)];
  }
  return parts;
}

/** Messages by field, and those that are about none. */
export function placed(
  errors: readonly FieldError[],
  fields: readonly Field[],
): { byField: Map<string, string>; other: string[] } {
  const names = new Set(fields.map(({ name }) => name));
  const byField = new Map<string, string>();
  const other: string[] = [];
  for (const error of errors) {
    const [name = "", ...rest] = pathOf(error, names);
    const own = OWN.get(error.field);
    if (own !== undefined && !names.has(name)) {
      byField.set(own, error.message);
      continue;
    }
    if (!names.has(name)) {
      other.push(`${error.field}: ${error.message}`);
      continue;
    }
    const message = rest.length > 0 ? `${inner(rest)}: ${error.message}` : error.message;
    const before = byField.get(name);
    byField.set(name, before ? `${before}; ${message}` : message);
  }
  return { byField, other };
}

/** `0` → `item 1`, `a.0` → `a, item 1`. */
function inner(path: readonly string[]): string {
  return path.map((part) => (/^\d+$/.test(part) ? `item ${Number(part) + 1}` : part)).join(", ");
}

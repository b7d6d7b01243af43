// What a schema demands of a value besides its type, in the server's words. Pure.

import { type Field, fieldValue, lines, numberOf, type Schema } from "../schema";

const counted = (count: number, one: string) => `${count} ${one}${count === 1 ? "" : "s"}`;

/** The bounds of a value, as `1 to 64`; empty if it has none. */
export function boundWords(schema: Schema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, items } = schema;
  const both = minimum !== undefined && maximum !== undefined;
  const each = items ? boundWords(items) : "";
  const parts = [
    both ? `${minimum} to ${maximum}` : "",
    !both && minimum !== undefined ? `at least ${minimum}` : "",
    exclusiveMinimum === undefined ? "" : `more than ${exclusiveMinimum}`,
    !both && maximum !== undefined ? `at most ${maximum}` : "",
    exclusiveMaximum === undefined ? "" : `less than ${exclusiveMaximum}`,
    multipleOf === undefined ? "" : `a multiple of ${multipleOf}`,
    countWords(schema.minLength, schema.maxLength, "character"),
    countWords(schema.minItems, schema.maxItems, "element"),
    each && `each ${each}`,
  ];
  return parts.filter(Boolean).join(", ");
}

function countWords(least: number | undefined, most: number | undefined, one: string): string {
  // One is what every required text and list has.
  if (least === undefined || least <= 1)
    return most === undefined ? "" : `at most ${counted(most, one)}`;
  if (most === undefined) return `at least ${counted(least, one)}`;
  return least === most ? counted(most, one) : `${least} to ${counted(most, one)}`;
}

/** What a value breaks; null if nothing. Patterns and formats are left to the server. */
export function brokenRule(schema: Schema, value: unknown): string | null {
  if (typeof value === "number") return brokenNumber(schema, value);
  if (typeof value === "string") {
    return brokenCount(schema.minLength, schema.maxLength, [...value].length, "character");
  }
  if (!Array.isArray(value)) return null;
  const broken = brokenCount(schema.minItems, schema.maxItems, value.length, "element");
  if (broken || !schema.items) return broken;
  const { items } = schema;
  const faults = value.map((one) => brokenRule(items, one));
  const at = faults.findIndex((fault) => fault !== null);
  return at < 0 ? null : `item ${at + 1}: ${faults[at]}`;
}

function brokenNumber(schema: Schema, value: number): string | null {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (minimum !== undefined && value < minimum) return `must be at least ${minimum}`;
  if (maximum !== undefined && value > maximum) return `must be at most ${maximum}`;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) {
    return `must be more than ${exclusiveMinimum}`;
  }
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) {
    return `must be less than ${exclusiveMaximum}`;
  }
  if (multipleOf === undefined) return null;
  // 0.3 is three times 0.1, and floating-point numbers almost say so.
  const times = value / multipleOf;
  const off = Math.abs(times - Math.round(times));
  return off > 1e-9 * Math.max(1, Math.abs(times)) ? `must be a multiple of ${multipleOf}` : null;
}

function brokenCount(
  least: number | undefined,
  most: number | undefined,
  count: number,
  one: string,
): string | null {
  if (least !== undefined && count < least) return `must have at least ${counted(least, one)}`;
  return most !== undefined && count > most ? `must have at most ${counted(most, one)}` : null;
}

/** What can be said of a text before it is sent; the server has the last word. */
export function faultOf(field: Field, text: string | null): string | null {
  if (text === null) return null;
  const severals = field.kind === "list" || field.kind === "checks";
  if (text === "" || (severals && lines(text).length === 0)) {
    if (field.required) return "is required";
  }
  if (field.kind === "list") {
    const wrong = lines(text).map((line) => numberFault(field.schema.items?.type, line.trim()));
    const at = wrong.findIndex((fault) => fault !== null);
    if (at >= 0) return `item ${at + 1}: ${wrong[at]}`;
  }
  if ((field.kind === "integer" || field.kind === "number") && text !== "") {
    const fault = numberFault(field.kind, text);
    if (fault) return fault;
  }
  try {
    const value = fieldValue(field, text);
    return value === undefined ? null : brokenRule(field.schema, value);
  } catch (error) {
    return (error as Error).message;
  }
}

/** What is wrong with a text that stands for a number; null for any other type. */
function numberFault(type: Schema["type"], text: string): string | null {
  const value = numberOf(text);
  if (type === "integer") return Number.isInteger(value) ? null : "is not a whole number";
  return type === "number" && typeof value !== "number" ? "is not a number" : null;
}

/** The text of a number one step up (1) or down (-1), within its bounds; null if there is none. */
export function stepped(field: Field, text: string, by: 1 | -1): string | null {
  const { minimum = -Infinity, maximum = Infinity, multipleOf: step = 1 } = field.schema;
  const now = numberOf(text);
  const start = typeof now === "number" ? now : 0;
  const times = start / step;
  // The next multiple, also of what is none.
  const at = by > 0 ? Math.floor(times + 1e-9) + 1 : Math.ceil(times - 1e-9) - 1;
  const next = field.schema.multipleOf === undefined ? start + by : at * step;
  const bounded = Math.min(maximum, Math.max(minimum, next));
  const value = Number.isSafeInteger(bounded) ? bounded : Number(bounded.toPrecision(12));
  return Number.isFinite(value) && brokenRule(field.schema, value) === null ? String(value) : null;
}

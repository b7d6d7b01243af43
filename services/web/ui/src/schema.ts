// A task's JSON Schema as simple fields, and their texts as JSON values. Pure.

import type { Schema } from "./api";

export type FieldKind = "text" | "integer" | "number" | "boolean" | "choice" | "json";

export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  readonly help: string;
  readonly required: boolean;
  /** What stands in the field at first. */
  readonly initial: string;
  readonly choices: readonly string[];
}

function kindOf(schema: Schema): FieldKind {
  if (schema.enum?.every((value) => typeof value === "string")) return "choice";
  switch (schema.type) {
    case "string":
      return "text";
    case "integer":
    case "number":
    case "boolean":
      return schema.type;
    default:
      return "json";
  }
}

function initial(kind: FieldKind, value: unknown): string {
  if (value === undefined) return "";
  return kind === "json" || typeof value !== "string" ? JSON.stringify(value) : value;
}

export function fields(schema: Schema): Field[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const kind = kindOf(property);
    return {
      name,
      kind,
      help: property.description ?? "",
      required: required.has(name),
      initial: initial(kind, property.default),
      choices: kind === "choice" ? (property.enum as string[]) : [],
    };
  });
}

/**
 * The value of a field's text, or undefined to leave it out (the task's own
 * default holds). A number that is none is sent as it stands, so that the
 * server names the field; text that is no JSON throws a sentence.
 */
export function fieldValue(field: Field, text: string): unknown {
  if (text === "" && !(field.kind === "text" && (field.required || field.initial !== ""))) {
    return undefined;
  }
  switch (field.kind) {
    case "text":
    case "choice":
      return text;
    case "boolean":
      return text === "true";
    case "integer":
    case "number": {
      const value = Number(text);
      return Number.isFinite(value) ? value : text;
    }
    case "json":
      try {
        return JSON.parse(text);
      } catch {
        throw new Error('This field takes JSON, for example ["a", "b"].');
      }
  }
}

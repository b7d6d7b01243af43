// A task's JSON Schema as simple fields, and their texts as JSON values. Pure.

/** The part of JSON Schema that forms are made of. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  /** A secret: never shown, never kept. */
  readonly writeOnly?: boolean;
  readonly "x-multiline"?: boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

export type FieldKind =
  | "text"
  | "long"
  | "date"
  | "time"
  | "uri"
  | "secret"
  | "integer"
  | "number"
  | "boolean"
  | "choice"
  | "checks"
  | "list"
  | "json";

export interface Field {
  readonly name: string;
  readonly title: string;
  readonly kind: FieldKind;
  readonly help: string;
  readonly required: boolean;
  /** It may be null; its text is null then. */
  readonly nullable: boolean;
  /** What stands in the field at first; null: nothing, as a value. */
  readonly initial: string | null;
  /** Labels; of a choice or of check boxes. */
  readonly choices: readonly string[];
  readonly schema: Schema;
}

/** Texts by field: what the form holds. Null stands for the value null. */
export type Texts = Readonly<Record<string, string | null>>;

/** The text of a field, which may be called `constructor`. */
export function textIn(texts: Texts, name: string): string | null | undefined {
  return Object.hasOwn(texts, name) ? texts[name] : undefined;
}

const MAX_CHOICES = 200;

export function fields(schema: Schema): Field[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, property]) =>
    fieldOf(name, property, required.has(name)),
  );
}

function fieldOf(name: string, property: Schema, required: boolean): Field {
  const { rule, nullable } = withoutNull(property);
  const secret = isSecret(property) || isSecret(rule);
  let kind: FieldKind = secret ? "secret" : kindOf(rule);
  const value = property.default;
  if (kind === "list" && Array.isArray(value) && value.some((one) => !fitsLine(one))) kind = "json";
  // Without a default, "not said" differs from both yes and no.
  const unsaid = kind === "boolean" && value === undefined && !required;
  if (unsaid) kind = "choice";
  const field = {
    name,
    title: property.title ?? "",
    kind,
    help: property.description ?? rule.description ?? "",
    required,
    nullable,
    choices: unsaid ? ["true", "false"] : labelsOf(kind, rule),
    schema: unsaid ? { ...rule, enum: [true, false] } : rule,
  };
  if (value === undefined && kind === "boolean") return { ...field, initial: "false" };
  const initial = textOf(field, secret ? undefined : value);
  return { ...field, initial };
}

/** `X | None` as X. */
function withoutNull(schema: Schema): { rule: Schema; nullable: boolean } {
  if (Array.isArray(schema.type) && schema.type.includes("null")) {
    const types = schema.type.filter((type) => type !== "null");
    const type = types.length === 1 ? (types[0] as string) : types;
    return { rule: { ...schema, type }, nullable: true };
  }
  const rules = schema.anyOf ?? schema.oneOf;
  const real = rules?.filter(({ type }) => type !== "null");
  if (!rules || !real || real.length === rules.length) return { rule: schema, nullable: false };
  const only = real.length === 1 ? real[0] : undefined;
  // Several real types: what is written must be JSON, which can say null itself.
  return only ? { rule: only, nullable: true } : { rule: schema, nullable: false };
}

function isSecret(schema: Schema): boolean {
  return schema.writeOnly === true || schema.format === "password";
}

function kindOf(schema: Schema): FieldKind {
  if (schema.enum) return labelsAreClear(schema.enum) ? "choice" : "json";
  switch (schema.type) {
    case "string":
      if (schema.format === "date") return "date";
      if (schema.format === "date-time") return "time";
      if (schema.format === "uri") return "uri";
      return schema["x-multiline"] ? "long" : "text";
    case "integer":
    case "number":
    case "boolean":
      return schema.type;
    case "array":
      if (schema.items?.enum) return labelsAreClear(schema.items.enum) ? "checks" : "json";
      return /^(string|integer|number)$/.test(String(schema.items?.type)) ? "list" : "json";
    default:
      return "json";
  }
}

const label = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
const fitsLine = (value: unknown) => label(value).trim() !== "" && !label(value).includes("\n");

function labelsAreClear(values: readonly unknown[]): boolean {
  const labels = new Set(values.map(label));
  return labels.size === values.length && labels.size <= MAX_CHOICES && values.every(fitsLine);
}

function labelsOf(kind: FieldKind, schema: Schema): string[] {
  if (kind === "choice") return (schema.enum ?? []).map(label);
  return kind === "checks" ? (schema.items?.enum ?? []).map(label) : [];
}

/** A value as the field's text. */
export function textOf(field: Pick<Field, "kind" | "nullable">, value: unknown): string | null {
  if (value === undefined) return "";
  if (value === null && field.nullable) return null;
  if (field.kind === "json") return JSON.stringify(value);
  if (Array.isArray(value)) return value.map(label).join("\n");
  return field.kind === "time" ? localTime(label(value)) : label(value);
}

/** `2026-11-23T14:05:09` as the reader's clock shows it, which is what the input takes. */
function localTime(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toLocaleString("sv-SE").replace(" ", "T");
}

/**
 * The value of a field's text, or undefined to leave it out (the task's own
 * default holds). Text that is no JSON throws a sentence.
 */
export function fieldValue(field: Field, text: string | null): unknown {
  if (text === null) return null;
  const empties = ["text", "long", "list", "checks"].includes(field.kind);
  // An emptied field is a value of its own only where the default is another one.
  const wanted = field.initial !== "" && field.initial !== null;
  if (text === "" && !(empties && wanted)) return undefined;
  switch (field.kind) {
    case "boolean":
      return text === "true";
    case "integer":
    case "number":
      return numberOf(text);
    case "choice":
      return chosen(field.schema.enum, text);
    case "checks":
      return lines(text).map((line) => chosen(field.schema.items?.enum, line));
    case "list":
      return lines(text).map((line) =>
        field.schema.items?.type === "string" ? line : numberOf(line.trim()),
      );
    case "time":
      return dateTime(text);
    case "json":
      return parsed(text);
    case "secret":
      return secretValue(field.schema, text);
    default:
      return text;
  }
}

/** A secret's field is one line, whatever the type. */
function secretValue(schema: Schema, text: string): unknown {
  if (takesJson(schema)) return parsed(text);
  if (schema.type === "integer" || schema.type === "number") return numberOf(text);
  return schema.type === "boolean" && /^(true|false)$/.test(text) ? text === "true" : text;
}

/** Whether a secret of this type is written as JSON. */
export function takesJson(schema: Schema): boolean {
  return schema.type === "array" || schema.type === "object";
}

/** The value that has this label. */
function chosen(values: readonly unknown[] | undefined, text: string): unknown {
  const at = values?.findIndex((value) => label(value) === text) ?? -1;
  return at < 0 ? text : values?.[at];
}

/** The elements of a list's text. */
export function lines(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

/** The number that a text stands for; the text itself if it stands for none. */
export function numberOf(text: string): number | string {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : text;
}

/** With the reader's own offset: a local time alone would mean another one elsewhere. */
function dateTime(text: string): string {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(text)) return text;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toISOString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = /at position \d+|line \d+ column \d+/.exec((error as Error).message)?.[0];
    const where = place ? ` The mistake is ${place.replace(/^line/, "at line")}.` : "";
    throw new Error(`This field takes JSON, for example ["a", "b"].${where}`);
  }
}

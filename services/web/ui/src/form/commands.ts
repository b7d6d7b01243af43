// A filled-in form as a command: for curl, and for `runtail start`. Pure.

import type { About } from "../api";
import type { Schema } from "../schema";

export interface Start extends About {
  readonly task: string;
  /** Without secrets. */
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Names of secret parameters that are to be given. */
  readonly secrets: readonly string[];
}

/** Where a shell reads a word as it stands. */
const PLAIN = /^[\w@%+:,./-]+$/;

/** Controls, marks of direction, halves of characters. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A word of a shell, with exactly this text. */
export function quoted(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What cannot be seen is escaped: nobody should copy what they do not see. */
function json(value: unknown): string {
  return JSON.stringify(value).replace(UNSEEN, (found) =>
    found
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/** `api`: its address; `login`: whether it asks for a token. */
export function curlCommand(start: Start, api: string, login: boolean): string {
  const { task, secrets, title, labels } = start;
  const placeholders = Object.fromEntries(secrets.map((name) => [name, `<${name}>`]));
  const body = {
    task,
    kwargs: { ...start.kwargs, ...placeholders },
    ...(title === undefined ? {} : { title }),
    ...(labels === undefined ? {} : { labels }),
  };
  const parts = [
    `curl ${quoted(`${api}/runs`)}`,
    ...(login ? ['-H "Authorization: Bearer $RUNTAIL_TOKEN"'] : []),
    "-H 'Content-Type: application/json'",
    `-d ${quoted(json(body))}`,
  ];
  return parts.join(" \\\n  ");
}

/** `url`: where the web service is; empty if the command finds it by itself. */
export function cliCommand(start: Start, schema: Schema, url: string): string {
  const { task, kwargs, secrets, title, labels } = start;
  const given = Object.entries(kwargs).flatMap(([name, value]) =>
    argumentsOf(name, value, schema.properties?.[name] ?? {}),
  );
  const words = [
    ...(url === "" ? [] : [`RUNTAIL_URL=${quoted(url)}`]),
    `runtail start ${quoted(task)}`,
    ...given,
    ...secrets.map((name) => `${quoted(name)}=@FILE`),
    ...(title === undefined ? [] : [`--title ${quoted(title.replace(UNSEEN, " "))}`]),
    ...Object.entries(labels ?? {}).map(([key, value]) => `--label ${key}=${quoted(value)}`),
  ];
  return words.join(" ");
}

/** `name=text`, once or for each element, where the command reads it as this very value; else `name:=JSON`. */
function argumentsOf(name: string, value: unknown, rule: Schema): string[] {
  const types = typesOf(rule);
  const texts = Array.isArray(value) ? listTexts(value, rule, types) : [plainText(value, types)];
  if (texts.length > 0 && texts.every((text) => text !== null)) {
    return texts.map((text) => `${quoted(name)}=${text === "" ? "" : quoted(text ?? "")}`);
  }
  return [`${quoted(name)}:=${quoted(json(value))}`];
}

/** The text that is read as this value where these types are allowed; null if there is none. */
function plainText(value: unknown, types: readonly string[]): string | null {
  const only = types.filter((type) => type !== "null");
  if (typeof value === "boolean") return types.includes("boolean") ? String(value) : null;
  if (typeof value === "number") {
    const exact = Number.isSafeInteger(value) || only[0] === "number";
    return only.length === 1 && /^(integer|number)$/.test(only[0] ?? "") && exact
      ? String(value)
      : null;
  }
  if (typeof value !== "string" || value.search(UNSEEN) >= 0) return null;
  if (only.length !== 1 || only[0] !== "string") return null;
  // Where null is allowed, this word means it.
  return types.includes("null") && value.trim() === "null" ? null : value;
}

/** A text for each element of a list; none if it must be JSON. */
function listTexts(
  value: readonly unknown[],
  rule: Schema,
  types: readonly string[],
): (string | null)[] {
  if (types.some((type) => type !== "array" && type !== "null")) return [];
  const items = [rule, ...(rule.anyOf ?? [])].find((one) => one.type === "array")?.items ?? {};
  const texts = value.map((one) => plainText(one, typesOf(items)));
  // One element alone may look like a whole list.
  const alone = texts.length === 1 && /^\s*\[|^null$/.test(texts[0] ?? "");
  return alone ? [] : texts;
}

function typesOf(rule: Schema): string[] {
  if (rule.anyOf) return rule.anyOf.flatMap(typesOf);
  if (typeof rule.type === "string") return [rule.type];
  return rule.type ? [...rule.type] : [];
}

// The values of the last start, by task: bounded, and never a secret.

import { type Field, type Texts, textIn } from "../schema";
import { recall, remember } from "../storage";

const NAME = "form";
const MAX_TASKS = 20;
const MAX_TEXT_CHARS = 2_000;
const MAX_CHARS = 40_000;

/** Oldest first. */
type Memory = readonly (readonly [task: string, texts: Texts])[];

/** What is worth keeping of a form. Pure. */
export function keepable(fields: readonly Field[], texts: Texts): Texts {
  const kept: [name: string, text: string | null][] = [];
  for (const { name, kind, initial } of fields) {
    const text = textIn(texts, name);
    if (kind === "secret" || text === undefined || text === initial) continue;
    if (text === null || text.length <= MAX_TEXT_CHARS) kept.push([name, text]);
  }
  return Object.fromEntries(kept);
}

/** The memory with one more form; the oldest go first. Pure. */
export function added(memory: Memory, task: string, texts: Texts): Memory {
  let result: Memory = memory.filter(([name]) => name !== task);
  if (Object.keys(texts).length > 0) result = [...result, [task, texts]];
  result = result.slice(-MAX_TASKS);
  while (result.length > 0 && JSON.stringify(result).length > MAX_CHARS) result = result.slice(1);
  return result;
}

/** What was stored, if it still has the shape. Pure. */
export function parseMemory(text: string | null): Memory {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    if (!Array.isArray(value)) return [];
    return value.filter(
      (one) =>
        Array.isArray(one) &&
        typeof one[0] === "string" &&
        typeof one[1] === "object" &&
        one[1] !== null &&
        Object.values(one[1]).every((text) => text === null || typeof text === "string"),
    );
  } catch {
    return [];
  }
}

export function lastTexts(task: string): Texts {
  return parseMemory(recall(NAME)).find(([name]) => name === task)?.[1] ?? {};
}

export function rememberTexts(task: string, fields: readonly Field[], texts: Texts): void {
  const memory = added(parseMemory(recall(NAME)), task, keepable(fields, texts));
  remember(NAME, memory.length > 0 ? JSON.stringify(memory) : null);
}

export function forgetTexts(task: string): void {
  const memory = added(parseMemory(recall(NAME)), task, {});
  remember(NAME, memory.length > 0 ? JSON.stringify(memory) : null);
}

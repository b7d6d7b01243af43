// The runs whose end the reader wants to be told of, kept in the browser where it lets us.

import { recall, remember } from "../storage";

const NAME = "tell";
/** Of more than these the oldest is forgotten. */
const MOST = 50;

function kept(): string[] {
  try {
    const list: unknown = JSON.parse(recall(NAME) ?? "[]");
    return Array.isArray(list) ? list.filter((one) => typeof one === "string") : [];
  } catch {
    // Somebody else has written there.
    return [];
  }
}

export function isWanted(runId: string): boolean {
  return kept().includes(runId);
}

export function setWanted(runId: string, wanted: boolean): void {
  const others = kept().filter((one) => one !== runId);
  const list = wanted ? [...others, runId].slice(-MOST) : others;
  remember(NAME, list.length === 0 ? null : JSON.stringify(list));
}

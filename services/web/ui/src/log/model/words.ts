// The words for events and cuts. Pure.

import { withCommas } from "../../numbers";
import type { Cut } from "../../protocol/entry";
import type { Event } from "../../protocol/event";
import { clock } from "../../time";
import { plain } from "./ansi";

/** How loudly a row speaks. */
export type Level = "note" | "warning" | "error";

export interface Words {
  readonly text: string;
  readonly level: Level;
}

/** Somebody else's words, which may hold what a terminal obeys. */
function s(value: unknown): string {
  return value == null ? "" : plain(String(value));
}

function because(reason: unknown): string {
  return reason ? `: ${s(reason)}` : "";
}

function capital(text: string): string {
  return text.replace(/^./, (c) => c.toUpperCase());
}

/** "cancelled by ana" has the state in it. */
function ended(state: string, why: string): string {
  return why.startsWith(state) ? why : `${state}${because(why)}`;
}

function seconds(ms: unknown): string {
  return `${(Number(ms) / 1000).toFixed(0)} s`;
}

const SPEAKERS: Record<string, (event: Event) => Words> = {
  start: (e) => ({
    text: `Attempt ${s(e["attempt"])} started on ${s(e["worker"]) || "a worker"}${because(e["why"])}`,
    level: "note",
  }),
  group: (e) => ({ text: `▸ ${s(e["title"])}`, level: "note" }),
  endgroup: () => ({ text: "◂ end of section", level: "note" }),
  warning: (e) => ({ text: `Warning: ${s(e["text"])}`, level: "warning" }),
  error: (e) => ({ text: `Error: ${s(e["text"])}`, level: "error" }),
  masked: (e) => ({
    text:
      Number(e["count"]) === 1
        ? "1 secret was masked up to here"
        : `${s(e["count"])} secrets were masked up to here`,
    level: "note",
  }),
  "earlier-run": (e) => ({
    text: `From here on, a process that an earlier run left behind writes here as well: ${s(e["run"])}`,
    level: "note",
  }),
  overflow: (e) => ({
    text: `${withCommas(Number(e["bytes"]))} bytes of output were dropped here: the store did not answer for too long`,
    level: "error",
  }),
  retry: (e) => ({
    text: `Retry ${s(e["retries"])}${e["max"] == null ? "" : ` of ${s(e["max"])}`}${e["eta_ms"] ? ` at ${clock(Number(e["eta_ms"]))}` : ""}${because(e["reason"])}`,
    level: "warning",
  }),
  replaced: (e) => ({ text: `Replaced by ${s(e["task"])}`, level: "note" }),
  overlap: (e) => ({
    text: `${Number(e["count"]) === 1 ? "Another task with this id was" : `${s(e["count"])} other tasks with this id were`} executed at the same time and not recorded`,
    level: "warning",
  }),
  "cancel-requested": (e) => ({
    text: `${s(e["who"]) || "Somebody"} asked to cancel${because(e["why"])}`,
    level: "warning",
  }),
  cancel: (e) => ({
    text: `Cancelled by ${s(e["who"]) || "somebody"}${e["signal"] ? ` (signal ${s(e["signal"])})` : ""}`,
    level: "warning",
  }),
  interrupted: (e) => ({
    text: `Interrupted: ${s(e["reason"]) || "the worker was shut down"}`,
    level: "warning",
  }),
  "worker-lost": (e) => ({
    text: `The worker stopped answering${e["silent_ms"] ? ` for ${seconds(e["silent_ms"])}` : ""}; what it wrote in its last ${e["unflushed_ms"] ? seconds(e["unflushed_ms"]) : "moments"} may be missing`,
    level: "error",
  }),
  "store-lost": (e) => ({
    text: `Lines ${withCommas(Number(e["from"]))}-${withCommas(Number(e["to"]))} were lost${because(e["reason"])}`,
    level: "error",
  }),
  redrawn: (e) => ({
    text:
      e["from"] === e["to"]
        ? `Line ${withCommas(Number(e["from"]))} was redrawn; what it shows now follows`
        : `Lines ${withCommas(Number(e["from"]))}-${withCommas(Number(e["to"]))} were redrawn; what they show now follows`,
    level: "note",
  }),
  "markers-capped": (e) => ({
    text: `${s(e["count"])} more sections, warnings and errors were not recorded`,
    level: "warning",
  }),
  end: (e) => ({
    text: capital(ended(s(e["state"]), s(e["why"]))),
    level: e["state"] === "succeeded" ? "note" : e["state"] === "cancelled" ? "warning" : "error",
  }),
};

/** One sentence for an event; an unknown kind is shown, never hidden. */
export function eventWords(event: Event): Words {
  return SPEAKERS[event.kind]?.(event) ?? { text: event.kind, level: "note" };
}

export function cutWords(cut: Cut): Words {
  return {
    text: `Lines ${withCommas(cut.from)}-${withCommas(cut.to)} were cut: the run's log passed its quota (${withCommas(cut.bytes)} bytes cut in all)`,
    level: "error",
  };
}

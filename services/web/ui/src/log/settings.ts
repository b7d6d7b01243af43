// What the reader chose for the log, kept in the browser where it lets us.

import { recall, remember } from "../storage";
import { TIME_MODES, type TimeMode } from "./times";

function choice(name: string): boolean | null {
  const value = recall(name);
  return value === null ? null : value === "yes";
}

interface Settings {
  get wrap(): boolean | null;
  set wrap(value: boolean);
  get single(): boolean | null;
  set single(value: boolean);
  get time(): TimeMode | null;
  set time(value: TimeMode);
}

export const settings: Settings = {
  get wrap(): boolean | null {
    return choice("wrap");
  },
  set wrap(value: boolean) {
    remember("wrap", value ? "yes" : "no");
  },
  get single(): boolean | null {
    return choice("single-keys");
  },
  set single(value: boolean) {
    remember("single-keys", value ? "yes" : "no");
  },
  get time(): TimeMode | null {
    return TIME_MODES.find((mode) => mode === recall("time")) ?? null;
  },
  set time(value: TimeMode) {
    remember("time", value);
  },
};

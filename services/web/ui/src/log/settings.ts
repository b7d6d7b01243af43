// What the reader chose for the log, kept in the browser where it lets us.

import { TIME_MODES, type TimeMode } from "./times";

function read(name: string): string | null {
  try {
    return localStorage.getItem(`runtail.${name}`);
  } catch {
    return null;
  }
}

function write(name: string, value: string): void {
  try {
    localStorage.setItem(`runtail.${name}`, value);
  } catch {
    // It holds for this page then.
  }
}

function choice(name: string): boolean | null {
  const value = read(name);
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
    write("wrap", value ? "yes" : "no");
  },
  get single(): boolean | null {
    return choice("single-keys");
  },
  set single(value: boolean) {
    write("single-keys", value ? "yes" : "no");
  },
  get time(): TimeMode | null {
    return TIME_MODES.find((mode) => mode === read("time")) ?? null;
  },
  set time(value: TimeMode) {
    write("time", value);
  },
};

// What the reader chose, kept in the browser where it lets us.

import { recall, remember } from "./storage";

function choice(name: string): boolean | null {
  const value = recall(name);
  return value === null ? null : value === "yes";
}

interface Settings {
  get wrap(): boolean | null;
  set wrap(value: boolean);
  /** Keys of one letter are on. */
  get single(): boolean | null;
  set single(value: boolean);
  /** A mode of the time column. */
  get time(): string | null;
  set time(value: string);
  /** A sound is played at the end of a run. */
  get sound(): boolean | null;
  set sound(value: boolean);
  /** How several logs stand: `beside` each other or `stacked`. */
  get layout(): string | null;
  set layout(value: string);
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
  get time(): string | null {
    return recall("time");
  },
  set time(value: string) {
    remember("time", value);
  },
  get sound(): boolean | null {
    return choice("sound");
  },
  set sound(value: boolean) {
    remember("sound", value ? "yes" : "no");
  },
  get layout(): string | null {
    return recall("layout");
  },
  set layout(value: string) {
    remember("layout", value);
  },
};

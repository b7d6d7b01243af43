// Which level a line has by its own words: at its beginning, behind a time, in `level=` or in JSON. The rules are tight:
// a line that only speaks of errors has none. They are expressions that browsers and the server's search (RE2)
// both know, so that a search for a level finds the same lines here and there. Pure.

import { plain } from "./ansi";

export type Detected = "error" | "warning" | "info" | "debug";

interface Words {
  /** What levels are called, in small letters. */
  readonly names: string;
  /** Their first letters in glog and klog. */
  readonly letters: string;
  /** Their numbers in pino and bunyan. */
  readonly numbers: string;
  /** What compilers and npm write behind the place, and behind their name. */
  readonly compilers: string;
  readonly npm: string;
  /** What else is one. */
  readonly others: readonly string[];
}

const WORDS: Readonly<Record<Detected, Words>> = {
  error: {
    names: "err(?:or)?|fatal|crit(?:ical)?|severe|panic",
    letters: "EF",
    numbers: "[56]0",
    compilers: "(?:fatal )?error[: ]",
    npm: "ERR!|error",
    others: [
      String.raw`[\s|+]*(?:Exception Group )?Traceback \(most recent call last\):`,
      "thread '[^']*' panicked at ",
      "Exception in thread ",
    ],
  },
  warning: {
    names: "warn(?:ing)?",
    letters: "W",
    numbers: "40",
    compilers: "warning[: ]|[A-Z][A-Za-z]*Warning: ",
    npm: "WARN|warn",
    others: [],
  },
  info: {
    names: "info|notice",
    letters: "I",
    numbers: "30",
    compilers: "note: ",
    npm: "info|notice",
    others: [],
  },
  debug: {
    names: "debug|trace",
    letters: "D",
    numbers: "[12]0",
    compilers: "debug: ",
    npm: "verb|sill",
    others: [],
  },
};

/** A time, as loggers write it before their words. */
const STAMP = String.raw`[[(]?(?:\d{4}[-/]\d\d[-/]\d\d[T ]|[A-Z][a-z]{2} [ \d]\d )?\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?[\])]?[\s:,|-]*`;
/** The name of a logger, a process or a thread. */
const FROM = String.raw`(?:(?:\[(?:main|[^\]\s]*[\d._-][^\]\s]*)\]|\d+|root|__main__|[a-z_]\w*(?:\.\w+)+|[a-z_]\w*\s[-|])[\s:|-]+){0,3}`;
const KEY = "(?:(?:log.)?level(?:name)?|lvl|severity)";

/** What is different in the two kinds of expressions: RE2 can ignore case in a part of one, older browsers cannot. */
interface Dialect {
  readonly anyCase: (names: string) => string;
}

const HERE: Dialect = {
  anyCase: (names) =>
    `(?:${names}|${names.toUpperCase()}|${names.replace(/(?<![a-z(:])[a-z]/g, (c) => c.toUpperCase())})`,
};
const SERVER: Dialect = { anyCase: (names) => `(?i:${names})` };

function expression(levels: readonly Detected[], { anyCase }: Dialect): string {
  const words = levels.map((level) => WORDS[level]);
  const all = (part: (one: Words) => string) => words.map(part).join("|");
  const names = all((one) => one.names);
  const any = anyCase(names);
  const begins = [
    String.raw`\s*(?:${STAMP}${FROM})?(?:${[
      // ERROR something; not ERROR COUNT.
      String.raw`[[(<]?(?:${names.toUpperCase()})\s*(?:[\])>:|/,]|- |\s(?:[^A-Z\s]|[A-Z][^A-Z])|$)`,
      // [error] something, error: something; not error: 0.
      String.raw`[[<]?${any}(?:\s*[\]>]|(?:\[\w+\])?(?:[:|]\s+|\t)[^\d\s])`,
    ].join("|")})`,
    String.raw`(?:(?:[\w.@-]+=(?:"[^"]*"|[^\s"]*)\s+){0,9}${KEY}=|\s*\{.*"${KEY}"\s*:\s*)(?:"?${any}"?|${all((one) => one.numbers)})(?:[,}\s]|$)`,
    String.raw`[${words.map((one) => one.letters).join("")}]\d{4} \d\d:\d\d:\d\d\.\d`,
    String.raw`[^\s:(]+(?:(?::\d+){1,2}|\(\d+(?:,\d+)?\)): (?:${all((one) => one.compilers)})`,
    `npm (?:${all((one) => one.npm)}) `,
    ...words.flatMap((one) => one.others),
  ];
  return `^(?:${begins.join("|")})`;
}

/** What the server is to look for to find the lines of some levels. */
export function levelExpression(levels: readonly Detected[]): string {
  return expression(levels, SERVER);
}

const RULES = (Object.keys(WORDS) as Detected[]).map(
  (level) => [level, new RegExp(expression([level], HERE))] as const,
);
const LOUD = RULES.filter(([level]) => level === "error" || level === "warning");
/** Most lines have nothing that could make them loud, and are looked at no further. */
const MAYBE =
  /err|warn|fatal|crit|severe|panic|traceback|exception|(?:level|lvl|severity)(?:name)?"?[:= ]|^[EFW]\d{4} /i;
const HEAD = new RegExp(
  String.raw`^\s*(?:${STAMP}${FROM})?[[(<]?${HERE.anyCase(`${WORDS.error.names}|${WORDS.warning.names}`)}\s*(?:/[\w-]+)?[\])>:|,\s-]+`,
);
const MESSAGE = /(?:^|\s)msg=(?:"([^"]*)"|(\S+))/;
const MESSAGES = ["message", "msg", "event", "error"] as const;

/** What a line's text says behind its time and its level: the text itself if that is not clear. */
export function messageOf(text: string): string {
  const [, quoted, word] = MESSAGE.exec(text) ?? [];
  const rest = text.startsWith("{") ? messageIn(text) : (quoted ?? word ?? text.replace(HEAD, ""));
  return rest.trim() || text;
}

function messageIn(json: string): string {
  if (json.length > LONGEST) return "";
  try {
    const fields = JSON.parse(json) as Record<string, unknown>;
    const found = MESSAGES.map((name) => fields[name]).find((said) => typeof said === "string");
    return typeof found === "string" ? found : "";
  } catch {
    return "";
  }
}

/** A level is said before that. */
const LONGEST = 4_096;

function found(rules: typeof RULES, line: string): Detected | null {
  const text = plain(line.slice(0, LONGEST));
  return rules.find(([, rule]) => rule.test(text))?.[0] ?? null;
}

/** The level of a stored line; null if it names none. */
export function levelOf(line: string): Detected | null {
  return found(RULES, line);
}

/** "error" or "warning" if a stored line is one; cheap for all others. */
export function loudness(line: string): "error" | "warning" | null {
  return MAYBE.test(line) ? (found(LOUD, line) as "error" | "warning" | null) : null;
}

// Logging in: where it leads, what a link's code is, and what somebody may do.

import { describe, expect, test } from "vitest";
import type { Token } from "../src/api";
import { codeOf } from "../src/login/link";
import { nextOf } from "../src/login/next";
import {
  curlLine,
  endClass,
  endsSoon,
  endWords,
  rightWords,
  usualRights,
} from "../src/tokens/words";
import { lacking } from "../src/who";

const to = (next: string, hash = "", base = "") =>
  nextOf(`?next=${encodeURIComponent(next)}`, hash, base);

describe("after the login", () => {
  test.each([
    "/",
    "/runs/1",
    "/runs/a%2Fb",
    "/?state=failed&since=24h",
    "/audit?who=%C3%A4",
    "/runs/ünïcode",
    "/%2F/evil.test",
    "/logins",
    "/login/",
  ])("%s is gone to", (next) => {
    expect(to(next)).toBe(next);
  });

  test.each([
    ["nothing", ""],
    ["an address", "https://evil.test/"],
    ["an address without its scheme", "//evil.test/"],
    ["three slashes", "///evil.test"],
    ["a backslash", "/\\evil.test"],
    ["a backslash later", "/runs\\..\\evil"],
    ["a backslash first", "\\/evil.test"],
    ["a tab, which browsers leave out", "/\t/evil.test"],
    ["a line break, which browsers leave out", "/\n/evil.test"],
    ["a carriage return", "/\r/evil.test"],
    ["a null", "/\0"],
    ["DEL", "/\u007f/evil.test"],
    ["a control character of Latin-1", "/\u0085/evil.test"],
    ["a space first", " /evil.test"],
    ["a script", "javascript:alert(1)"],
    ["data", "data:text/html,<script>alert(1)</script>"],
    ["a name", "evil.test"],
    ["a user", "@evil.test"],
    ["a query", "?next=//evil.test"],
    ["more than 1,000 characters", `/${"a".repeat(1_000)}`],
    ["the login", "/login"],
    ["the login with another page", "/login?next=/login"],
    ["the login with a fragment", "/login#login=code"],
  ])("%s leads to the list", (_name, next) => {
    expect(to(next)).toBe("/");
    expect(to(next, "#L1")).toBe("/");
    expect(to(next, "", "/a/b")).toBe(next.startsWith("/login") ? next : "/a/b/");
  });

  test("whatever is gone to is on this host", () => {
    const parts = [
      "/",
      "\\",
      "\t",
      "\n",
      "\0",
      "evil.test",
      ":",
      "@",
      "%2f",
      ".",
      "..",
      "?",
      "#",
      " ",
    ];
    let tried = 0;
    for (const a of parts) {
      for (const b of parts) {
        for (const c of parts) {
          for (const d of ["", ...parts]) {
            const url = new URL(to(`${a}${b}${c}${d}`), "https://runtail.test/login?next=x");
            expect(url.origin).toBe("https://runtail.test");
            tried += 1;
          }
        }
      }
    }
    expect(tried).toBe(14 ** 3 * 15);
  });

  test("exactly 1,000 characters are gone to", () => {
    const next = `/${"a".repeat(999)}`;
    expect(to(next)).toBe(next);
  });

  test("what was behind the # comes along, unless the page has its own", () => {
    expect(to("/runs/1", "#L5")).toBe("/runs/1#L5");
    expect(to("/runs/1#L3", "#L5")).toBe("/runs/1#L3");
    expect(nextOf("", "", "")).toBe("/");
    expect(nextOf("?other=/runs/1", "", "/a/b")).toBe("/a/b/");
  });

  test("the first of several counts", () => {
    expect(nextOf("?next=/runs/1&next=//evil.test", "", "")).toBe("/runs/1");
    expect(nextOf("?next=//evil.test&next=/runs/1", "", "")).toBe("/");
  });
});

test("a login link has its code behind the #", () => {
  expect(codeOf("#login=abc-_1")).toBe("abc-_1");
  expect(codeOf("#login=a%2Bb")).toBe("a+b");
  expect(codeOf("#login=%")).toBe("%");
  expect(codeOf("#login=")).toBe("");
  for (const hash of ["", "#", "#L5", "#again=1", "#Login=abc", "login=abc"]) {
    expect(codeOf(hash), hash).toBe(null);
  }
});

test("what somebody lacks is said, once it is known", () => {
  expect(lacking({ rights: ["run:read", "run:cancel"] }, "run:cancel")).toBe(null);
  expect(lacking({ rights: ["run:read"] }, "run:cancel")).toMatch(
    /^It takes the right run:cancel\./,
  );
  expect(lacking({ rights: [] }, "run:start")).not.toBe(null);
  expect(lacking(null, "run:start")).toBe(null);
});

describe("tokens", () => {
  const DAY = 86_400_000;
  const ending = (ends_ms: number) => ({ ends_ms }) as Token;

  test("near their end are marked, those of thirty days only in their last ten", () => {
    const lasting = (days: number) => ({ made_ms: 0, ends_ms: days * DAY }) as Token;
    expect(endClass(lasting(90), 60 * DAY)).toBe("ends");
    expect(endClass(lasting(90), 60 * DAY + 1)).toBe("ends near");
    expect(endClass(lasting(366), 335 * DAY)).toBe("ends");
    expect(endClass(lasting(366), 337 * DAY)).toBe("ends near");
    expect(endClass(lasting(30), 19 * DAY)).toBe("ends");
    expect(endClass(lasting(30), 21 * DAY)).toBe("ends near");
    expect(endClass(lasting(90), 83 * DAY)).toBe("ends soon");
  });

  test("that end within a week stand out", () => {
    expect(endsSoon(ending(7 * DAY), 0)).toBe(true);
    expect(endsSoon(ending(7 * DAY + 1), 0)).toBe(false);
    expect(endsSoon(ending(5), 10)).toBe(true);
    expect(endWords(ending(3 * DAY), 0)).toBe("in 3 d");
    expect(endWords(ending(3 * DAY + 5), 0)).toBe("in 3 d");
    expect(endWords(ending(10), 10)).toBe("has ended");
    expect(endWords(ending(11), 10)).toBe("now");
  });

  test("get the rights of their owner, but for two", () => {
    expect(usualRights(["run:read", "run:start", "token:own", "admin"])).toEqual([
      "run:read",
      "run:start",
    ]);
  });

  test("have rights with words, as far as they are known", () => {
    expect(rightWords("run:start")).toBe("start runs");
    expect(rightWords("constructor")).toBe("");
  });

  test("are not in the command that uses them", () => {
    expect(curlLine("https://runtail.test", "/a/api/v1/runs")).toBe(
      `curl -H "Authorization: Bearer $RUNTAIL_TOKEN" 'https://runtail.test/a/api/v1/runs'`,
    );
  });
});

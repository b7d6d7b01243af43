// The audit log: its filters, and pages put together.

import { afterEach, describe, expect, test, vi } from "vitest";
import { apiQuery, eventWords, NO_FILTERS, parseFilters } from "../src/audit/filters";
import { Listing } from "../src/audit/listing";
import { filtersSearch, isFiltered } from "../src/filters";

describe("filters", () => {
  test("live in the address", () => {
    const filters = parseFilters("?event=denied&who=%3Cb%3E&run=a%2Fb&since=24h");
    expect(filters).toEqual({
      ...NO_FILTERS,
      event: "denied",
      who: "<b>",
      run: "a/b",
      since: "24h",
    });
    expect(parseFilters(filtersSearch(filters))).toEqual(filters);
    expect(filtersSearch(NO_FILTERS)).toBe("");
    expect(isFiltered(filters)).toBe(true);
    expect(isFiltered(NO_FILTERS)).toBe(false);
  });

  test("what is none is left out", () => {
    expect(parseFilters("?event=constructor&since=soon&until=&x=1")).toEqual(NO_FILTERS);
    expect(parseFilters(`?who=${"a".repeat(9_000)}`).who).toHaveLength(200);
  });

  test("become the API's query", () => {
    const filters = parseFilters("?event=login&run=r&since=1h");
    expect(String(apiQuery(filters, 3_600_500))).toBe("event=login&run=r&since=500");
  });
});

test("an event that is not known here has its own name", () => {
  expect(eventWords("run-delete")).toBe("Deletion of a run");
  expect(eventWords("constructor")).toBe("constructor");
});

describe("pages", () => {
  afterEach(() => vi.unstubAllGlobals());

  /** Answers each question with the next page, when it is told to. */
  function server(...pages: readonly object[]) {
    const asked: string[] = [];
    const go: (() => void)[] = [];
    // Without a base path.
    vi.stubGlobal("document", { querySelector: () => null });
    vi.stubGlobal("fetch", (address: string) => {
      const page = pages[asked.push(address) - 1] ?? {};
      return new Promise((answer) => {
        go.push(() => answer(new Response(JSON.stringify(page))));
      });
    });
    return { asked, answer: (index: number) => go[index]?.() };
  }

  const ids = (listing: Listing) => listing.rows.value?.map(({ id }) => id).join("");
  const page = (entries: string, next: string | null) => ({
    entries: [...entries].map((id) => ({ id })),
    next,
  });

  test("an older page comes below, with the bounds of the first", async () => {
    const { asked, answer } = server(page("cb", "n"), page("a", null));
    const listing = new Listing({ ...NO_FILTERS, since: "1h" });
    const first = listing.refresh();
    answer(0);
    await first;
    const older = listing.older();
    answer(1);
    await older;
    expect(ids(listing)).toBe("cba");
    expect(listing.next.value).toBeNull();
    const since = (address = "") => new URLSearchParams(address.split("?")[1]).get("since");
    expect(since(asked[0])).toBe(since(asked[1]));
    expect(asked[1]).toContain("cursor=n");
  });

  test("an answer to a question that nobody asks any more is void", async () => {
    const { answer } = server(page("old", "n"), page("new", null));
    const listing = new Listing(NO_FILTERS);
    const first = listing.refresh();
    const second = listing.refresh({ ...NO_FILTERS, event: "login" });
    answer(1);
    await second;
    answer(0);
    await first;
    expect(ids(listing)).toBe("new");
    expect(listing.busy.value).toBe(false);
  });

  test("the list never empties on an error", async () => {
    const { answer } = server(page("a", null), { title: "no page" });
    const listing = new Listing(NO_FILTERS);
    const first = listing.refresh();
    answer(0);
    await first;
    vi.stubGlobal("fetch", () =>
      Promise.resolve(new Response(JSON.stringify({ title: "No" }), { status: 503 })),
    );
    await listing.refresh();
    expect(ids(listing)).toBe("a");
    expect(listing.problem.value?.message).toBe("No");
  });
});

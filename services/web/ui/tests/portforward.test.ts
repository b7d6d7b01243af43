// When a port-forward ends: where the page says so, and what.

import { expect, test } from "vitest";
import { commandFor, isLoopback } from "../src/portforward";

test("loopback addresses are this computer's own", () => {
  for (const name of ["localhost", "runtail.localhost", "127.0.0.1", "127.1.2.3", "[::1]"]) {
    expect(isLoopback(name), name).toBe(true);
  }
  for (const name of ["10.0.0.1", "localhost.example", "127.0.0.1.example", "[::2]", "box", ""]) {
    expect(isLoopback(name), name).toBe(false);
  }
});

test("the command has the page's own port", () => {
  const setting = "kubectl -n ci port-forward service/runtail {port}:80";
  expect(commandFor(setting, "18000")).toBe("kubectl -n ci port-forward service/runtail 18000:80");
  expect(commandFor(setting, "")).toBe("kubectl -n ci port-forward service/runtail 80:80");
  expect(commandFor("no \u202eport", "1")).toBe("no \ufffdport");
});

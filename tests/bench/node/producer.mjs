// What writes lines: a second server on the same adapter, without clients, one emit per line to a room.
// Takes and answers what tests/bench/load.py does.
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";

import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const filler = "x".repeat(72);
const say = (value) => console.log(JSON.stringify(value));

const ask = JSON.parse((await input.next()).value);
const client = createClient({ url: ask.url });
await client.connect();
const io = new Server({ adapter: createAdapter(client) });
const runs = Array.from({ length: ask.runs }, () => randomUUID());
say({ runs });

let before = 0;
for (;;) {
  const { value, done } = await input.next();
  if (done || !value) process.exit(0);
  const { rate, seconds } = JSON.parse(value);
  const total = Math.round((rate * seconds) / runs.length) * runs.length;
  const began = performance.now();
  for (let count = 0; count < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * rate) + 1);
    for (; count < due; count += 1) {
      const number = String(before + Math.floor(count / runs.length) + 1).padStart(9, "0");
      const stamp = String(Math.round((performance.timeOrigin + performance.now()) * 1000)).padStart(16, "0");
      io.to(runs[count % runs.length]).emit("line", `${number} ${stamp} ${filler}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  before += total / runs.length;
  say({ lines: before, seconds: (performance.now() - began) / 1000 });
}

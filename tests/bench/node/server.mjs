// Socket.IO for Node with the Redis Streams adapter: node server.mjs <port> <redis url>
import { createServer } from "node:http";

import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [port, url] = process.argv.slice(2);
const client = createClient({ url });
await client.connect();
const http = createServer();
const io = new Server(http, { adapter: createAdapter(client), transports: ["websocket"] });
io.on("connection", (socket) => {
  socket.on("subscribe", (run, answer) => {
    socket.join(run);
    answer("ok");
  });
});
http.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
http.listen(Number(port), "127.0.0.1", () => console.log("ready"));

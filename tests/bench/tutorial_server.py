"""``python -m tests.bench.tutorial_server <port> <redis url>``: the tutorial's way on today's libraries.

gevent, and for every viewer a greenlet with a pub/sub connection of its own that reads the list first.
"""

import gevent.monkey

gevent.monkey.patch_all()

import sys  # noqa: E402

import redis  # noqa: E402
from flask import Flask, request  # noqa: E402
from flask_socketio import SocketIO  # noqa: E402


def main() -> None:
    """Serve."""
    app = Flask(__name__)
    socketio = SocketIO(app, async_mode="gevent", cors_allowed_origins="*")
    client = redis.Redis.from_url(sys.argv[2])

    def tail(sid: str, run: str) -> None:
        lines: list[bytes] = client.lrange(run, 0, -1)  # type: ignore[assignment, unused-ignore]
        for line in lines:
            socketio.emit("tail-message", line.decode(), to=sid, namespace="/tail")
        channel = client.pubsub()
        channel.subscribe(run)
        for message in channel.listen():
            if message["type"] == "message":
                socketio.emit("tail-message", message["data"].decode(), to=sid, namespace="/tail")

    @socketio.on("subscribe", namespace="/tail")
    def subscribe(run: str) -> str:
        socketio.start_background_task(tail, request.sid, run)  # type: ignore[attr-defined]
        return "ok"

    socketio.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_output=False)


if __name__ == "__main__":
    main()

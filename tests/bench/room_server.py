"""``python -m tests.bench.room_server <port> <redis url>``: Flask-SocketIO on eventlet with a Redis message queue.

As its documentation says: the server joins clients to rooms, and another process emits through the queue.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import eventlet
eventlet.monkey_patch()

import sys  # noqa: E402

from flask import Flask  # noqa: E402
from flask_socketio import SocketIO, join_room  # noqa: E402


def main() -> None:
    """Serve."""
    app = Flask(__name__)
    socketio = SocketIO(app, async_mode="eventlet", message_queue=sys.argv[2], cors_allowed_origins="*")

    @socketio.on("subscribe")
    def subscribe(run: str) -> str:
        join_room(run)
        return "ok"

    socketio.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_output=False)


if __name__ == "__main__":
    main()

"""The last frame of a WebSocket, which says why the server closes it. Nothing of Runtail is imported here."""

import websocket


def read_goodbye(connection: websocket.WebSocket) -> tuple[int, str]:
    """Read until the server closes, without an answer: it may be gone. Return its code and reason."""
    while True:
        frame = connection.recv_frame()  # type: ignore[no-untyped-call]
        if frame.opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(frame.data[:2], "big"), frame.data[2:].decode()

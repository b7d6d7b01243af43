"""The private attributes the direct send rests on: a new version that changes them fails here."""

import ast
import inspect
import textwrap
from pathlib import Path

import engineio
import engineio.async_drivers.gevent as gevent_driver
import engineio.socket
import socketio
from engineio.packet import MESSAGE, NOOP, Packet

import runtail_socket

SOURCES = Path(runtail_socket.__file__).parent


def test_engineio_makes_websockets_through_its_table() -> None:
    server = engineio.Server(async_mode="threading")
    assert callable(server._async["websocket"])
    source = inspect.getsource(engineio.socket.Socket._upgrade_websocket)
    # Called with a bound method of the socket, and then as a WSGI application.
    assert "self.server._async['websocket'](\n            self._websocket_handler, self.server)" in source
    assert "return ws(environ, start_response)" in source
    assert {"websocket", "queue", "sleep"} <= gevent_driver._async.keys()


def test_engineio_sockets_have_what_a_link_uses() -> None:
    server = engineio.Server(async_mode="threading")
    socket = engineio.socket.Socket(server, "sid")
    assert socket.sid == "sid"
    assert (socket.closed, socket.closing) == (False, False)
    assert isinstance(socket.last_ping, float)
    assert socket.queue.qsize() == 0
    assert socket.check_ping_timeout()
    assert list(inspect.signature(socket.close).parameters) == ["wait", "abort", "reason"]
    server.sockets["sid"] = socket
    server.send_packet("sid", Packet(NOOP))
    assert socket.queue.qsize() == 1


def test_engineio_calls_only_wait_send_and_close_of_a_websocket() -> None:
    source = textwrap.dedent(inspect.getsource(engineio.socket.Socket._websocket_handler))
    used = {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ws"
    }
    assert used == {"wait", "send", "close"}
    # The timeout of the socket is ours as long as it does not find one of these.
    assert "for attr in ['_sock', 'socket']" in source
    # A packet's turn has come when it is encoded.
    assert "ws.send(pkt.encode())" in source


def test_packets_are_encoded_by_a_method_and_messages_and_noops_have_their_numbers() -> None:
    assert (MESSAGE, NOOP) == (4, 6)
    assert Packet(NOOP).encode() == "6"
    assert Packet(MESSAGE, "2/tail,[]").encode() == "42/tail,[]"


def test_socketio_knows_the_engineio_id_of_a_client() -> None:
    server = socketio.Server(async_mode="threading")
    sid = server.manager.connect("engine-id", "/tail")
    assert server.manager.eio_sid_from_sid(sid, "/tail") == "engine-id"
    assert isinstance(server.eio, engineio.Server)


def test_only_one_module_uses_what_is_private_to_the_libraries() -> None:
    for path in SOURCES.rglob("*.py"):
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        if path.name != "runtime.py":
            assert not imported & {"eventlet", "gevent", "greenlet"}, path
        if path.name != "link.py":
            assert not imported & {"engineio", "socketio"}, path


def test_the_entry_point_patches_before_any_other_import() -> None:
    body = ast.parse((SOURCES / "__main__.py").read_text()).body
    lines = [ast.unparse(node).split("(")[0] for node in body[1:4]]
    assert lines == ["import os", "from runtail_socket import runtime", "flaw = runtime.patch"]
    assert ast.parse((SOURCES / "__init__.py").read_text()).body[1:] != []
    assert "import" not in (SOURCES / "__init__.py").read_text()

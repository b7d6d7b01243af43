"""The tutorial's page still works: a few lines of JavaScript, a run's id, and lines that are appended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.browser.conftest import OpenPage
from tests.support.processes import StartProcess
from tests.support.relay import Producer, Relay, make_store
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

CLIENT = Path(__file__).parents[2] / "services/web/ui/node_modules/socket.io-client/dist/socket.io.min.js"

PAGE = """<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<pre class="log-output"></pre>
<script src="/socket.io.js"></script>
<script>
  // As in the tutorial, where the server was the page's own and jQuery appended.
  var tail = io("%s/tail", {transports: ["websocket"]});
  tail.on("connect", function () { tail.emit("subscribe", "%s"); });
  tail.on("tail-message", function (data) {
    document.querySelector(".log-output").append(data + "\\n");
  });
  tail.on("tail-end", function (end) { document.body.dataset.state = end.state; });
</script>
"""


@contextmanager
def serving(page: list[str]) -> Iterator[str]:
    """Serve a page and the client on an origin of their own; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script = self.path == "/socket.io.js"
            body = CLIENT.read_bytes() if script else page[0].encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if script else "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_the_tutorials_page_gets_backlog_live_lines_and_the_end(
    redis_url: str, key_prefix: str, start_process: StartProcess, open_page: OpenPage
) -> None:
    page_text = [""]
    with serving(page_text) as origin:
        relay = Relay(start_process, redis_url, key_prefix, allowed_origins=origin)
        relay.wait_until_ready()
        producer = Producer(make_store(redis_url, key_prefix))
        producer.write(20)
        page_text[0] = PAGE % (relay.url, producer.run_id)
        page = open_page(origin)

        def lines() -> list[str]:
            return (page.locator(".log-output").text_content() or "").splitlines()

        wait_for(lambda: len(lines()) == 20, 20, lines)
        producer.write(5)
        producer.write(1)
        wait_for(lambda: len(lines()) == 26, 20, lines)
        producer.end()
        page.wait_for_function("() => document.body.dataset.state === 'succeeded'", timeout=20_000)
        assert lines() == [line.decode() for line in producer.expected()]

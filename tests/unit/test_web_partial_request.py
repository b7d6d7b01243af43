"""When a request is whole while it arrives."""

from __future__ import annotations

import pytest
from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.unreader import IterUnreader
from werkzeug.wsgi import LimitedStream

from runtail_web.partial_request import READ_AHEAD_BYTES, PartialRequest, TooLarge

HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMIT = 1000


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def whole_after(request: bytes, step: int) -> int | None:
    """How many bytes of the request it takes, in pieces of a size; None if all of it is not enough."""
    arriving = PartialRequest(LIMIT)
    for at in range(0, len(request), step):
        if arriving.feed(request[at : at + step]):
            return at + step
    return None


@pytest.mark.parametrize("step", [1, 3, 64, 100_000])
@pytest.mark.parametrize("size", [8, 100, LIMIT])
def test_chunks_are_waited_for_until_their_end(size: int, step: int) -> None:
    # The chunks of eight are longer than the limit, with what stands around them; the body is not.
    request = HEAD + chunked(b"x" * LIMIT, size) + b"0\r\n\r\n"
    after = whole_after(request, step)
    assert after is not None
    assert 0 <= after - len(request) < step


@pytest.mark.parametrize("step", [1, 3, 64])
@pytest.mark.parametrize("size", [8, 100, 20 * LIMIT])
def test_of_a_longer_body_as_much_is_waited_for_as_gunicorn_reads_to_see_that(size: int, step: int) -> None:
    request = HEAD + chunked(b"x" * 20 * LIMIT, size)
    after = whole_after(request, step)
    assert after is not None
    needed = len(HEAD) + len(chunked(b"x" * (LIMIT + READ_AHEAD_BYTES + 1), size))
    assert after <= needed + 8 + step
    # As the application reads it: one byte more than is allowed.
    unreader = IterUnreader([request[len(HEAD) : after]])
    body = LimitedStream(Body(ChunkedReader(None, unreader)), LIMIT + 1, is_max=True)
    assert len(body.readall()) == LIMIT + 1


def test_what_stands_around_chunks_is_bounded() -> None:
    request = HEAD + b"".join(b"1;%s\r\nx\r\n" % (b"y" * 500) for _ in range(50))
    after = whole_after(request, 1)
    assert after == len(HEAD) + 2 * (LIMIT + READ_AHEAD_BYTES) + 1
    with pytest.raises(TooLarge):
        PartialRequest(LIMIT).feed(b"GET / HTTP/1.1\r\nA: " + b"a" * 70_000)


@pytest.mark.parametrize("length", ["5", "05", f"{5:030}", " 5 ", f"{0:030}"])
def test_a_length_may_begin_with_zeros(length: str) -> None:
    """gunicorn reads them, too: it would find nothing of the body, and take what comes then for a request."""
    arriving = PartialRequest(LIMIT)
    whole = arriving.feed(f"POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode())
    assert whole == (int(length) == 0)
    assert whole or arriving.feed(b"12345")


def test_the_size_of_a_chunk_may_begin_with_zeros() -> None:
    request = HEAD + b"%030x\r\n12345\r\n%030x\r\n\r\n" % (5, 0)
    assert whole_after(request, 1) == len(request)

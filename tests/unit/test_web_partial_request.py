"""When a request is whole while it arrives."""

from __future__ import annotations

import pytest

from runtail_web.partial_request import PartialRequest, TooLarge

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
@pytest.mark.parametrize("size", [8, 100, 5 * LIMIT])
def test_of_a_longer_body_one_byte_more_than_the_limit_is_waited_for(size: int, step: int) -> None:
    # What is read from it must be there: the first byte too many, however it was cut into chunks.
    request = HEAD + chunked(b"x" * 5 * LIMIT, size)
    after = whole_after(request, step)
    assert after is not None
    needed = len(HEAD) + len(chunked(b"x" * (LIMIT + 1), min(size, LIMIT + 1)))
    assert after <= needed + 8 + step
    assert request[:after].count(b"x") > LIMIT


def test_what_stands_around_chunks_is_bounded() -> None:
    request = HEAD + b"".join(b"1;%s\r\nx\r\n" % (b"y" * 500) for _ in range(20))
    after = whole_after(request, 1)
    assert after == len(HEAD) + 2 * LIMIT + 1
    with pytest.raises(TooLarge):
        PartialRequest(LIMIT).feed(b"GET / HTTP/1.1\r\nA: " + b"a" * 70_000)

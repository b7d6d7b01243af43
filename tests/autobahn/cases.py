"""The cases of Autobahn's suite, by their numbers: what is sent, and what must come back.

Written after the suite's descriptions (version 25.10.1), for machines without a Python 2.7 to run it. Sections 9
(speed), 12 and 13 (compression, which is not offered) are left out.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


@dataclass(frozen=True)
class Case:
    """One case."""

    number: str
    #: Pieces, each sent by itself.
    sent: list[bytes]
    #: Frames that must come: opcode and payload.
    answered: list[tuple[int, bytes]] = field(default_factory=list)
    #: The code with which the server must close; None: it must not, and the client closes normally.
    code: int | None = None
    #: The server may leave out answers when it closes, because what was wrong came with what was right.
    lax: bool = False


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, reserved: int = 0) -> bytes:
    """A client's frame."""
    size = len(payload)
    if size < 126:
        header = struct.pack("!BB", final << 7 | reserved << 4 | opcode, 0x80 | size)
    elif size < 65536:
        header = struct.pack("!BBH", final << 7 | reserved << 4 | opcode, 0x80 | 126, size)
    else:
        header = struct.pack("!BBQ", final << 7 | reserved << 4 | opcode, 0x80 | 127, size)
    mask = os.urandom(4)
    return header + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def octets(*frames: bytes) -> list[bytes]:
    """Frames a byte at a time."""
    return [bytes([byte]) for one in frames for byte in one]


def fragments(payload: bytes, size: int, opcode: int = TEXT) -> list[bytes]:
    """A message in fragments."""
    parts = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    return [
        frame(CONTINUATION if index else opcode, part, final=index == len(parts) - 1)
        for index, part in enumerate(parts)
    ]


def closing(code: int, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


HELLO = b"Hello, world!"
ECHO = (TEXT, HELLO)


def messages() -> Iterator[Case]:
    """Sections 1 and 10: sizes. Ours end at 16 KiB, and nothing is binary."""
    for index, size in enumerate((0, 125, 126, 127, 128, 65535, 65536, 65536), 1):
        data = [frame(TEXT, b"*" * size)]
        sent = [data[0][at : at + 997] for at in range(0, len(data[0]), 997)] if index == 8 else data
        if size > 16384:
            yield Case(f"1.1.{index}", sent, code=1009)
        else:
            yield Case(f"1.1.{index}", sent, [(TEXT, b"*" * size)])
        yield Case(f"1.2.{index}", [frame(BINARY, b"\xfe" * size)], code=1003)
    yield Case("10.1.1", fragments(b"*" * 65536, 1300), code=1009)


def pings() -> Iterator[Case]:
    """Section 2."""
    binary = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
    for number, payload in (("2.1", b""), ("2.2", HELLO), ("2.3", binary), ("2.4", b"\xfe" * 125)):
        yield Case(number, [frame(PING, payload)], [(PONG, payload)])
    yield Case("2.5", [frame(PING, b"\xfe" * 126)], code=1002)
    yield Case("2.6", octets(frame(PING, b"\xfe" * 125)), [(PONG, b"\xfe" * 125)])
    yield Case("2.7", [frame(PONG), frame(TEXT, HELLO)], [ECHO])
    yield Case("2.8", [frame(PONG, b"unsolicited"), frame(TEXT, HELLO)], [ECHO])
    yield Case("2.9", [frame(PONG, b"unsolicited"), frame(PING, b"ping")], [(PONG, b"ping")])
    ten = [b"payload-%d" % n for n in range(10)]
    yield Case("2.10", [frame(PING, one) for one in ten], [(PONG, one) for one in ten])
    yield Case("2.11", octets(*(frame(PING, one) for one in ten)), [(PONG, one) for one in ten])


def reserved() -> Iterator[Case]:
    """Sections 3 and 4: bits and opcodes that mean nothing."""
    first, last = frame(TEXT, HELLO), frame(PING)
    bad = [frame(TEXT, HELLO, reserved=n) for n in range(1, 5)]
    yield Case("3.1", [bad[0]], code=1002)
    yield Case("3.2", [first, bad[1], last], [ECHO], code=1002, lax=True)
    yield Case("3.3", [first, bad[2], last], [ECHO], code=1002, lax=True)
    yield Case("3.4", octets(first, bad[3], last), [ECHO], code=1002, lax=True)
    yield Case("3.5", [frame(BINARY, b"\0\xff", reserved=5)], code=1002)
    yield Case("3.6", [frame(PING, HELLO, reserved=6)], code=1002)
    yield Case("3.7", [frame(CLOSE, reserved=7)], code=1002)
    for section, opcodes in (("4.1", range(3, 8)), ("4.2", range(11, 16))):
        for index, opcode in enumerate(opcodes, 1):
            odd = frame(opcode, b"" if index % 2 else b"reserved")
            if index < 3:
                yield Case(f"{section}.{index}", [odd], code=1002)
            else:
                sent = [first, odd, last] if index < 5 else octets(first, odd, last)
                yield Case(f"{section}.{index}", sent, [ECHO], code=1002, lax=True)


def fragmentation() -> Iterator[Case]:
    """Section 5."""
    one, two = frame(TEXT, b"fragment1", final=False), frame(CONTINUATION, b"fragment2")
    whole, pong = (TEXT, b"fragment1fragment2"), (PONG, b"ping")
    ping = frame(PING, b"ping")
    yield Case("5.1", [frame(PING, b"a", final=False), frame(CONTINUATION, b"b")], code=1002)
    yield Case("5.2", [frame(PONG, b"a", final=False), frame(CONTINUATION, b"b")], code=1002)
    yield Case("5.3", [one + two], [whole])
    yield Case("5.4", [one, two], [whole])
    yield Case("5.5", octets(one, two), [whole])
    yield Case("5.6", [one + ping + two], [pong, whole])
    yield Case("5.7", [one, ping, two], [pong, whole])
    yield Case("5.8", octets(one, ping, two), [pong, whole])
    for number, final, pieces in (
        ("5.9", True, 0), ("5.10", True, 1), ("5.11", True, 2),
        ("5.12", False, 0), ("5.13", False, 1), ("5.14", False, 2),
    ):  # fmt: skip
        stray, text = frame(CONTINUATION, b"stray", final=final), frame(TEXT, HELLO)
        yield Case(number, ([stray + text], [stray, text], octets(stray, text))[pieces], code=1002)
    stray = frame(CONTINUATION, b"stray", final=False)
    yield Case("5.15", [one + two + stray + frame(TEXT, HELLO)], [whole], code=1002, lax=True)
    for number, final in (("5.16", False), ("5.17", True)):
        stray = frame(CONTINUATION, b"fragment1", final=final)
        sent = [stray, frame(TEXT, b"fragment2", final=False), frame(CONTINUATION, b"fragment3")] * 2
        yield Case(number, sent, code=1002)
    yield Case("5.18", [one, frame(TEXT, b"fragment2")], code=1002)
    parts = [b"fragment%d" % n for n in range(1, 6)]
    first, rest = frame(TEXT, parts[0], final=False), [frame(0, part, final=part is parts[-1]) for part in parts[1:]]
    sent = [first, rest[0], frame(PING, b"one"), rest[1], rest[2], frame(PING, b"two"), rest[3]]
    answered = [(PONG, b"one"), (PONG, b"two"), (TEXT, b"".join(parts))]
    yield Case("5.19", [b"".join(sent)], answered)
    yield Case("5.20", sent, answered)


#: Texts, by the section's part that has them.
VALID = {
    "6.2": "Hello-µ@ßöäüàá-UTF-8!!".encode(),
    "6.5": "κόσμε".encode(),
    "6.7": "\0\x80ࠀ\U00010000".encode(),
    "6.9": "\x7f߿￿\U0010ffff".encode(),
    "6.11": "\ud7ff\ue000\ufffd\U0010ffff".encode(),
    "6.22": "\ufffe\uffff\U0001fffe\U0001ffff\U0010fffe".encode(),
    "6.23": "\ufffc\ufffd\ufdd0".encode(),
}
#: Bytes that are no UTF-8.
INVALID = {
    "6.3": [b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"],
    "6.6": [b"\xce", b"\xce\xba\xe1", b"\xce\xba\xe1\xbd", b"\xce\xba\xe1\xbd\xb9\xcf"],
    "6.8": [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"],
    "6.10": [b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"],
    "6.11.5": [b"\xf4\x90\x80\x80"],
    "6.12": [b"\x80", b"\xbf", *(b"\x80\xbf" * n for n in range(1, 5))],
    "6.13": [b"".join(bytes([byte, 0x20]) for byte in some) for some in (range(0xC0, 0xE0), range(0xE0, 0xFE))],
    "6.14": [b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80", b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf"],
    "6.15": [b"\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80\xfc\x80\x80\x80\x80\xdf"],
    "6.16": [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"],
    "6.17": [b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf"],
    "6.18": [b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf"],
    "6.19": [b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80"],
    "6.20": [b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xaf\xbf", b"\xed\xb0\x80", b"\xed\xbf\xbf"],
    "6.21": [b"\xed\xa0\x80\xed\xb0\x80", b"\xed\xad\xbf\xed\xbf\xbf", b"\xed\xaf\xbf\xed\xbf\xbf"],
}


def encodings() -> Iterator[Case]:
    """Section 6."""
    yield Case("6.1.1", [frame(TEXT)], [(TEXT, b"")])
    yield Case(
        "6.1.2", fragments(b"", 1) and [frame(TEXT, final=False), frame(0, final=False), frame(0)], [(TEXT, b"")]
    )
    middle = [frame(TEXT, final=False), frame(0, b"middle frame payload", final=False), frame(0)]
    yield Case("6.1.3", middle, [(TEXT, b"middle frame payload")])
    for number, text in VALID.items():
        yield Case(f"{number} whole", [frame(TEXT, text)], [(TEXT, text)])
        yield Case(f"{number} by characters", fragments(text, 3), [(TEXT, text)])
        yield Case(f"{number} by octets", fragments(text, 1), [(TEXT, text)])
    for number, texts in INVALID.items():
        for index, text in enumerate(texts, 1):
            yield Case(f"{number} invalid {index}", [frame(TEXT, text)], code=1007)
            yield Case(f"{number} invalid {index} by octets", fragments(text, 1), code=1007)
    # What is wrong is seen when it is there, not at the message's end.
    good, bad = "κόσμε".encode(), b"\xf4\x90\x80\x80"
    yield Case("6.4.1", [frame(TEXT, good, final=False), frame(0, bad, final=False)], code=1007)
    yield Case("6.4.2", [frame(TEXT, good + bad[:1], final=False), frame(0, bad[1:2], final=False)], code=1007)
    unfinished = frame(TEXT, good + bad + b"edited")
    yield Case("6.4.3", [unfinished[: 6 + len(good)], unfinished[6 + len(good) : 6 + len(good) + 4]], code=1007)
    yield Case("6.4.4", octets(unfinished[: 6 + len(good) + 2]), code=1007)


def closings() -> Iterator[Case]:
    """Section 7."""
    late = [closing(1000), frame(TEXT, HELLO), frame(PING)]
    yield Case("7.1.1", [frame(TEXT, HELLO)], [ECHO])
    yield Case("7.1.2", [closing(1000), closing(1000)], code=1000)
    yield Case("7.1.3", [closing(1000), frame(PING)], code=1000)
    yield Case("7.1.4", late, code=1000)
    yield Case("7.1.5", [frame(TEXT, b"fragment1", final=False), closing(1000), frame(0, b"fragment2")], code=1000)
    yield Case("7.3.1", [frame(CLOSE)], code=0)
    yield Case("7.3.2", [frame(CLOSE, b"a")], code=1002)
    yield Case("7.3.3", [closing(1000)], code=1000)
    yield Case("7.3.4", [closing(1000, HELLO)], code=1000)
    yield Case("7.3.5", [closing(1000, b"*" * 123)], code=1000)
    yield Case("7.3.6", [closing(1000, b"*" * 124)], code=1002)
    yield Case("7.5.1", [closing(1000, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80")], code=1007)
    for index, code in enumerate((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999), 1):
        yield Case(f"7.7.{index}", [closing(code)], code=code)
    for index, code in enumerate((0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535), 1):
        yield Case(f"7.9.{index}", [closing(code)], code=1002)


CASES = [
    *messages(), *pings(), *reserved(), *fragmentation(), *encodings(), *closings(),
    # The suite, being a good client, has no number for it.
    Case("unmasked", [b"\x81\x05Hello"], code=1002),
    Case("needlessly long size", [b"\x81\xfe\x00\x05\0\0\0\0Hello"], code=1002),
    Case("impossible size", [b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0"], code=1002),
]  # fmt: skip

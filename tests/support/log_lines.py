"""What a reader of the log sees in the end."""

from collections.abc import Iterable, Sequence

from runtail.worker.shipper.output.lines import Chunk, Redrawn


def final_lines(items: Iterable[Chunk | Redrawn]) -> list[bytes]:
    """The lines that were not redrawn later."""
    lines: list[tuple[int, bytes]] = []
    count, continues = 0, False
    for item in items:
        if isinstance(item, Redrawn):
            lines = [line for line in lines if line[0] < count - item.lines]
            continue
        parts = item.payload.split(b"\n")
        if not parts[-1]:
            parts.pop()
        for part in parts:
            if continues:
                lines[-1] = (lines[-1][0], lines[-1][1] + part)
            else:
                lines.append((count, part))
            continues = False
            count += 1
        continues = item.continues
    return [line for _, line in lines]


def split(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """*data* in blocks of these sizes, again and again."""
    parts, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        parts.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return parts

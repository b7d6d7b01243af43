"""``python -m tests.pictures.small <from> <to>``: packs what was taken into small PNG files, one of which moves."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from PIL import Image

#: The pages have few colours, and letters have shades of them. The moving picture gets fewer if it is too large.
COLOURS, MOVING_COLOURS = 256, (128, 64, 32)
#: The method that keeps colours that only a few points have.
METHOD = Image.Quantize.MAXCOVERAGE
#: The last frame of the moving picture is shown for so long before it begins again.
LAST_MS = 4000
MOST_BYTES = 1_500_000


def still(source: Path, target: Path) -> None:
    """Pack a picture."""
    with Image.open(source) as picture:
        picture.convert("RGB").quantize(COLOURS, METHOD, dither=Image.Dither.NONE).save(target, optimize=True)


def moving(folder: Path, target: Path) -> None:
    """Put frames together, with the palette of the first, a middle and the last; leave out what changed nothing.

    :param folder: with frames whose names are their times in ms.
    """
    paths = sorted(folder.glob("*.png"))
    frames = [Image.open(path).convert("RGB") for path in paths]
    width, height = frames[0].size
    sample = Image.new("RGB", (3 * width, height))
    for place, frame in enumerate((frames[0], frames[len(frames) // 2], frames[-1])):
        sample.paste(frame, (place * width, 0))
    for colours in MOVING_COLOURS:
        palette = sample.quantize(colours, METHOD, dither=Image.Dither.NONE)
        times_ms: list[int] = []
        kept: list[Image.Image] = []
        for path, frame in zip(paths, frames, strict=True):
            packed = frame.quantize(palette=palette, dither=Image.Dither.NONE)
            if not kept or packed.tobytes() != kept[-1].tobytes():
                times_ms.append(int(path.stem))
                kept.append(packed)
        lasts_ms = [after - before for before, after in itertools.pairwise(times_ms)] + [LAST_MS]
        kept[0].save(target, save_all=True, append_images=kept[1:], duration=lasts_ms, loop=0, optimize=True)
        size = target.stat().st_size
        print(f"{target.name}: {len(kept)} frames of {colours} colours, {size / 1000:,.0f} KB")
        if size <= MOST_BYTES:
            return
    sys.exit(f"{target.name} has more than {MOST_BYTES / 1e6} MB: less of the page must move.")


def main(source: Path, target: Path) -> None:
    """Pack all of them."""
    for path in sorted(source.glob("*.png")):
        still(path, target / path.name)
    moving(source / "moving", target / "run-moving.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

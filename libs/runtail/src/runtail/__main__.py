"""The program ``runtail``, also started by ``python -m runtail``."""

import sys

from runtail import extras
from runtail.errors import MissingExtra


def main() -> None:
    """Run the program if the packages it needs are installed."""
    if sys.argv[1:2] == ["worker"]:
        # The launcher needs no extra packages and lives long, so it must stay small.
        from runtail.launcher import main as launch

        sys.exit(launch(sys.argv[2:]))
    if sys.argv[1:2] == ["mask"]:
        # Tasks call it, and workers have no extra.
        from runtail.mask_command import main as mask

        sys.exit(mask(sys.argv[2:]))
    try:
        extras.require("cli")
    except MissingExtra as error:
        sys.exit(f"runtail: {error}")
    from runtail.cli import main as program

    program(prog_name="runtail")


if __name__ == "__main__":
    main()

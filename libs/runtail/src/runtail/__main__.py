"""The program ``runtail``, also called by ``python -m runtail``."""

import sys

from runtail import extras
from runtail.errors import MissingExtra


def main() -> None:
    """Run the program, if what it needs is installed."""
    if sys.argv[1:2] == ["worker"]:
        # It needs nothing, and lives long.
        from runtail.launcher import main as launch

        sys.exit(launch(sys.argv[2:]))
    try:
        extras.require("cli")
    except MissingExtra as error:
        sys.exit(f"runtail: {error}")
    from runtail.cli import main as program

    program(prog_name="runtail")


if __name__ == "__main__":
    main()

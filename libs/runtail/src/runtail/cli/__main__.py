"""``python -m runtail.cli``."""

from runtail.cli import main

main(prog_name="runtail")

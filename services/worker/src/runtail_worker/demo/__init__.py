"""Demo tasks: something to watch, and something to break."""

from runtail_worker.demo import build, output, processes, tutorial

__all__ = ["build", "output", "processes", "tutorial"]

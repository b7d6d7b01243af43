"""Runtail's relay: the last hop from Redis to browsers."""

__version__ = "0.1.0"

"""The version of everything here. ``make release`` writes it."""

__version__ = "0.1.0"

"""Runtail's web service: the JSON API and the pages."""

__version__ = "0.1.0"

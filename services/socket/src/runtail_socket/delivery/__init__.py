"""Sending a run to clients: frames, each made once for all clients, and the feed that gives each client its frames.

Imports ``transport``.
"""

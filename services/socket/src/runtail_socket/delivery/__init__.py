"""Sending a run to clients: frames, each made once for all clients, and the feed that gives every client its own.

Imports ``transport``.
"""

"""What clients are sent of a run: frames, made once for all of them, and the feed that gives each one its own.

Imports the transport.
"""

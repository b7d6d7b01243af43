"""A client's connection: its handshake, its frames in both directions, and how it ends.

Imports no other package of the relay.
"""

#: The Socket.IO namespace that clients join.
NAMESPACE = "/tail"

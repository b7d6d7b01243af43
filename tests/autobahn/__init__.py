"""Autobahn's test suite against the relay's WebSocket: an echo server, a runner, and the cases as a list of our own."""

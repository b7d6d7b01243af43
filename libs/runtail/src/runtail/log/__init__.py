"""The log of a run in Redis: one :class:`writer.LogWriter` writes it, :mod:`reader` reads it."""

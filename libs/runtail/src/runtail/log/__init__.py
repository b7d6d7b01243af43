"""The log of a run in Redis: written by one :class:`writer.LogWriter`, read with :mod:`reader`."""

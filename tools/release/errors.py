"""Why a release cannot be made."""


class ReleaseError(Exception):
    """A release cannot be made; the text says why and what to do."""

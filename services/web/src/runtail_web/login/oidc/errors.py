"""What can go wrong with a provider."""

from __future__ import annotations


class ProviderAway(Exception):
    """The provider did not answer, or not with what providers answer; the message is a sentence. Try again later."""


class ProviderRefused(Exception):
    """The provider answered that it does not do what it was asked for; the message is a sentence.

    :param code: the provider's word for it, such as ``invalid_grant``.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class TokenInvalid(Exception):
    """What claims to be from the provider is not, or not for us, or not for now; the message says why."""


class MustAsk(Exception):
    """The provider has to be asked before this can be decided, and the caller did not want to wait for that."""

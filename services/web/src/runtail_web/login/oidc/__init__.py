"""Logging in at an OpenID provider (mode ``oidc``): the code flow with PKCE, as a confidential client.

==================  =================================================================================
:mod:`.config`      the settings, checked
:mod:`.provider`    what is asked of the provider
:mod:`.signatures`  what the provider signed, and with which keys
:mod:`.identity`    who somebody is by the provider's claims
:mod:`.attempts`    logins that were begun
:mod:`.kept`        what is kept of the provider for each session
:mod:`.routes`      the routes under ``/auth/oidc``
:mod:`.refresh`     asks again which groups somebody has
==================  =================================================================================

A browser keeps nothing of this but a random number, as everywhere: what a login needs on its way is in the store.
"""

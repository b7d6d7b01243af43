"""Logins: what the store holds of sessions and users, and who sends a request.

======================  =====================================================================
:mod:`.modes`           the ways to log in, and what is checked before a service starts
:mod:`.passwords`       hashes of passwords
:mod:`.sessions`        sessions in the store
:mod:`.users`           users in the store
:mod:`.policy_file`     the policy in force
:mod:`.authenticator`   who sends a request, and whether that is still true
:mod:`.proxy`           who a proxy says it is
:mod:`.proxy_settings`  what is believed of which proxy
:mod:`.login_codes`     login links
:mod:`.shares`          share links in the store
:mod:`.share_access`    what share links are worth at a moment, and guests
:mod:`.audit`           who did what
======================  =====================================================================

Nothing that a client shows is signed: a cookie, a token and a link are random, and the store holds their SHA-256. So
there is no key to keep, and whatever is deleted from the store is invalid at once.
"""

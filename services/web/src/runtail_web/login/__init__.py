"""Logging in and out with a browser.

==================  ============================================================
:mod:`.users`       the users with passwords
:mod:`.user_sync`   brings changes of the file of users into the store
:mod:`.routes`      the routes under ``/auth``
:mod:`.cookies`     the session's cookie
:mod:`.wiring`      all of it for the modes in the settings
==================  ============================================================
"""

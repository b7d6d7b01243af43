"""Reading from the store: notifications, the one reader of all watched runs, and its connections.

Imports ``transport`` and ``delivery``.
"""

"""What the relay reads from the store, and when: notifications, the one reader of all watched runs, its connections.

Imports the transport and the delivery.
"""

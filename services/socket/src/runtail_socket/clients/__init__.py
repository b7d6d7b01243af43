"""Clients' requests and their answers: the Socket.IO namespace, subscriptions that catch up, changes of state.

Imports all other packages of the relay.
"""

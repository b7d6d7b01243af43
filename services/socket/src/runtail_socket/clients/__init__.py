"""What clients ask for and get answered: the Socket.IO namespace, subscriptions that catch up, changes of states.

Imports all other rooms.
"""

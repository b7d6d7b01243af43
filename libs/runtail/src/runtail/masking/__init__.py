"""Removes secrets from a stream of bytes.

``mask`` replaces them, ``encodings`` knows their encoded forms, ``needles`` searches for all of them at once. Pure: no
I/O. The task's process and the shipper use it, and so does everything that shows a parameter.
"""

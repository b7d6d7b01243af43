"""Secrets out of a stream of bytes: ``mask`` replaces them, ``encodings`` knows their forms, ``needles`` looks for all.

Pure: no I/O. The task's process and the shipper use it, and everything that shows a parameter.
"""

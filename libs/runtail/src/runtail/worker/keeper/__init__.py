"""The keeper's process: see ``__main__``. Nothing here may import more than the standard library.

``loop`` is its event loop, ``held_run`` is what it holds for one execution, ``shipper_process`` starts and watches
the shipper.
"""

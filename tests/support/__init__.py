"""What tests need around the product: servers, processes, faults and waiting.

* :mod:`tests.support.waiting`: wait for a condition, with a deadline and evidence.
* :mod:`tests.support.ports`: a free TCP port.
* :mod:`tests.support.processes`: a child process with its output in a file.
* :mod:`tests.support.redis_server`: a real Redis or Valkey, to be killed and restarted.
* :mod:`tests.support.proxy`: a TCP proxy that delays, cuts, stalls and loses replies.
* :mod:`tests.support.continuous_integration`: skip at home what must not be skipped there.

The fixtures made from them are in ``tests/conftest.py``.
"""

"""The bench: Runtail beside what people would otherwise use, on the same work, in one run.

``make bench`` measures everything, ``make bench-quick`` the same in short. Unlike
``tests.proof.figures``, which measures the product alone, each measurement here has a peer
beside it. ``docs/performance.md`` explains the workloads and quotes the medians.
"""

"""What processes that outlive their run must not show."""

from runtail.worker.shipper.served import MAX_PROCESSES, MAX_SECRETS, Served


def test_secrets_are_kept_by_process() -> None:
    served = Served()
    assert served.add(1, [b"first-secret", b"first-secret"])
    assert not served.add(1, [b"first-secret"])
    served.add(2, [b"second-secret"])
    assert served.mask(1, b"first-secret second-secret\n") == b"*** second-secret\n"
    served.add(1, [b"second-secret"])
    assert served.mask(1, b"first-secret second-secret\n") == b"*** ***\n"
    assert served.mask(3, b"first-secret\n") == b"first-secret\n"


def test_what_is_kept_is_bounded() -> None:
    served = Served()
    served.add(1, [b"secret-%d" % number for number in range(MAX_SECRETS + 10)])
    assert served.of(1)[0] == b"secret-10"
    for pid in range(2, MAX_PROCESSES + 2):
        served.add(pid, [b"x-secret"])
    assert served.of(1) == []

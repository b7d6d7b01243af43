"""What a developer's machine may lack, and continuous integration may not."""

import os
from typing import NoReturn

import pytest

#: True in continuous integration (CI=true, as every such service sets it).
CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def lacking(what: str, remedy: str) -> NoReturn:
    """Ends the test or fixture that calls it, as this machine lacks something.

    A skip, listed at the end of the test run; a failure in continuous integration,
    where a skipped test would go unnoticed.

    :param what: what is missing, e.g. ``"no Chromium"``.
    :param remedy: how to get it, e.g. ``"apt install chromium"``.
    """
    sentence = f"{what.upper()} ON THIS MACHINE: {remedy}"
    if CI:
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)

"""Fixtures of the tests with other versions of Celery."""

from pathlib import Path

import pytest

from tests.support.environments import build_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library as it is installed."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))

"""Which Celery and redis-py are too old. That those that are not do work is what `make test-matrix` shows."""

from importlib import metadata

import pytest

from runtail.errors import Unsupported
from runtail.worker import celery_versions


def pretend(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    there = {"celery": "5.7.0", "redis": "8.1.0", **versions}

    def version(package: str) -> str:
        if not there[package]:
            raise metadata.PackageNotFoundError(package)
        return there[package]

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.parametrize(
    ("package", "version", "sentence"),
    [
        ("celery", "4.4.7", "Runtail needs Celery 5.4 or newer, and this is Celery 4.4.7."),
        ("celery", "5.3.6", "Runtail needs Celery 5.4 or newer, and this is Celery 5.3.6."),
        ("redis", "4.6.0", "Runtail needs redis-py 5.0 or newer, and this is redis-py 4.6.0."),
        ("redis", "", "Runtail needs redis-py 5.0 or newer, and there is none."),
        ("redis", "3.5", "Runtail needs redis-py 5.0 or newer, and this is redis-py 3.5."),
    ],
)
def test_too_old(monkeypatch: pytest.MonkeyPatch, package: str, version: str, sentence: str) -> None:
    pretend(monkeypatch, **{package: version})
    with pytest.raises(Unsupported) as raised:
        celery_versions.check()
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("celery", "redis"), [("5.4.0", "5.0.0"), ("5.4.0rc2", "5.0.0b4"), ("5.10.1", "6.4.0"), ("5.7.0", "8.1.0")]
)
def test_new_enough(monkeypatch: pytest.MonkeyPatch, celery: str, redis: str) -> None:
    pretend(monkeypatch, celery=celery, redis=redis)
    celery_versions.check()

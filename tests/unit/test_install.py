"""Installing keeps nothing alive."""

import gc
import weakref

from celery import Celery

import runtail


def test_an_app_is_not_held_by_its_installation() -> None:
    """Celery refers to signal handlers, and they must not refer to the app for ever."""

    def made(number: int) -> "weakref.ref[Celery]":
        app = Celery(f"short-lived-{number}", broker="memory://", set_as_current=False)
        runtail.install(app)
        runtail.install(app)
        app.close()
        return weakref.ref(app)

    references = [made(number) for number in range(3)]
    gc.collect()
    assert [reference() for reference in references] == [None, None, None]

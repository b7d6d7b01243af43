"""The script app with an installation of Runtail in which one function fails (``TEST_BROKEN``)."""

import os
from typing import Any, NoReturn

from runtail import appstore
from runtail.worker.celery_main import supervisor
from runtail.worker.task import celery_log
from tests.support.script_app import app

__all__ = ["app"]


def _fail(*_args: Any, **_kwargs: Any) -> NoReturn:
    raise RuntimeError("broken on purpose")


match os.environ["TEST_BROKEN"]:
    case "settings":
        appstore.settings_of_app = _fail
    case "keeper":
        supervisor.Supervisor.__init__ = _fail  # type: ignore[method-assign]
    case "child":
        celery_log.split = _fail

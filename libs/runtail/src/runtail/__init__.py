"""Runtail: the output of Celery tasks, live and complete, in the browser.

    import runtail
    runtail.install(app)

records the output of a Celery app's tasks. Inside a task, ``section``,
``progress``, ``mask`` and ``sh`` say more than printing can. A parameter that is
annotated ``Secret`` is never shown. ``celery_settings`` reads a Redis URL for Celery.
"""

from runtail.author import mask, progress, section, sh
from runtail.celery_settings import celery_settings
from runtail.errors import Unsupported
from runtail.install import install
from runtail.secret import Secret
from runtail.version import __version__

__all__ = ["Secret", "Unsupported", "__version__", "celery_settings", "install", "mask", "progress", "section", "sh"]

"""Runtail: the output of Celery tasks, live and complete, in the browser.

    import runtail
    runtail.install(app)

records the output of a Celery app's tasks. Inside a task, ``section``,
``progress``, ``label``, ``title``, ``mask`` and ``sh`` say more than printing can. A parameter that is
annotated ``Secret`` is never shown, and ``seal`` encrypts one in a message.
``celery_settings`` reads a Redis URL for Celery. ``sign`` makes a program that
sends tasks sign them.
"""

from runtail.author import label, mask, progress, section, sh, title
from runtail.celery_settings import celery_settings
from runtail.errors import Unsupported
from runtail.install import install
from runtail.sealing import seal
from runtail.secret import Secret
from runtail.signing import sign
from runtail.version import __version__

__all__ = [
    "Secret",
    "Unsupported",
    "__version__",
    "celery_settings",
    "install",
    "label",
    "mask",
    "progress",
    "seal",
    "section",
    "sh",
    "sign",
    "title",
]

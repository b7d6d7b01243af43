"""Runtail: the output of Celery tasks, live and whole, in the browser.

    import runtail
    runtail.install(app)

records what the tasks of a Celery app write. Inside a task, ``section``,
``progress``, ``mask`` and ``sh`` say more than printing can.
"""

__version__ = "0.1.0"

from runtail.author import mask, progress, section, sh
from runtail.errors import Unsupported
from runtail.install import install

__all__ = ["Unsupported", "__version__", "install", "mask", "progress", "section", "sh"]

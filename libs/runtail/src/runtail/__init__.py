"""Runtail: the output of Celery tasks, live and whole, in the browser.

    import runtail
    runtail.install(app)

records what the tasks of a Celery app write. Inside a task, ``section``,
``progress``, ``mask`` and ``sh`` say more than printing can. A parameter that is
annotated ``Secret`` is shown nowhere.
"""

__version__ = "0.1.0"

from runtail.author import mask, progress, section, sh
from runtail.install import install
from runtail.secret import Secret

__all__ = ["Secret", "__version__", "install", "mask", "progress", "section", "sh"]

"""An older Celery is refused, in words, and not by an import that fails."""

from pathlib import Path

import pytest

from tests.support.environments import Environment, environments

SCRIPT = """
import celery, runtail
app = celery.Celery("old", broker="memory://")
print("imported")
try:
    runtail.install(app)
except runtail.Unsupported as error:
    print(error)
"""


@pytest.mark.parametrize("environment", list(environments("matrix/celery-5.3"))[:1], ids=str)
def test_an_older_celery_is_refused_with_a_sentence(environment: Environment, wheel: Path) -> None:
    environment.make(wheel)
    done = environment.run("-c", SCRIPT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "imported",
        "Runtail needs Celery 5.4 or newer, and this is Celery 5.3.6. "
        "Install a newer one (pip install 'celery>=5.4'), or do not call runtail.install().",
    ]

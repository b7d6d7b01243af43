"""What `pip install runtail` leaves out: declared where pip reads it, missed in words."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from runtail import extras
from runtail.errors import MissingExtra

PROJECT = tomllib.loads((Path(__file__).parents[2] / "libs/runtail/pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("extra", extras.MODULES)
def test_an_extra_brings_the_modules_it_is_asked_for(extra: str) -> None:
    brought = {
        re.split(r"[>=\[]", text)[0].replace("-client", "").replace("-cffi", "")
        for text in PROJECT["optional-dependencies"][extra]
    }
    assert set(extras.MODULES[extra]) <= brought
    extras.require(extra)


def test_a_missing_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.MODULES, "archive", ("json", "no_such_module", "nor_this"))
    with pytest.raises(MissingExtra) as raised:
        extras.require("archive")
    assert raised.value.extra == "archive"
    assert str(raised.value) == (
        "no no_such_module or nor_this here. Install runtail[archive]: pip install 'runtail[archive]'"
    )


def test_a_worker_imports_nothing_of_an_extra() -> None:
    code = (
        "import sys, runtail.worker.shipper.__main__, runtail.worker.shipper.health, runtail.metrics, "
        "runtail.worker.celery_main.supervisor, runtail.worker.task.trace, runtail.catalogue, runtail.store; "
        "print(sorted(set(sys.argv[1:]) & set(sys.modules)))"
    )
    # Celery needs click itself, and redis-py imports the top of cryptography if it is there.
    optional = {module for modules in extras.MODULES.values() for module in modules} - {"click", "cryptography"}
    optional |= {"cryptography.fernet"}
    done = subprocess.run([sys.executable, "-c", code, *optional], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

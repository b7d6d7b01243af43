"""The script app with tasks whose rules are none."""

from typing import Any

from tests.support.script_app import app, run


@app.task(name="script.options_that_are_none", runtail="record it, please")
def options_that_are_none(source: str) -> Any:
    return run(source)


@app.task(name="script.attempts_that_are_no_number", runtail={"max_attempts": "many"})
def attempts_that_are_no_number(source: str) -> Any:
    return run(source)


@app.task(name="script.secrets_that_are_no_list", runtail={"secrets": 5})
def secrets_that_are_no_list(source: str) -> Any:
    return run(source)

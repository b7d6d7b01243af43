"""The parameters for starting a run again."""

from __future__ import annotations

from typing import Any

from runtail.errors import SealBroken
from runtail.runs.record import Run
from runtail.runs.sealed import open_parameters, why_not_again
from runtail.secret import HIDDEN, SHORTENED
from runtail.store import Store
from runtail_web.mount import here
from runtail_web.problems import Problem, run_page


def parameters_of(store: Store, run: Run) -> dict[str, Any]:
    """Return the parameters of a run that is over; those that are kept sealed are opened.

    :raises Problem: 409 if it is not over, or if its parameters are not known in full.
    """
    if not run.state.terminal:
        raise Problem(
            409,
            "not-over",
            "The run is not over",
            f"It is {run.state}. Cancel it first, or start another one: POST {here('/api/v1/runs')}.",
            run=run.id,
            run_page=run_page(run.id),
        )
    kwargs = run.json("kwargs")
    if run.number("hidden"):
        return _opened(store, run)
    # Runs started here keep their original parameters; for others, a worker recorded those that it saw.
    seen = run.text("announced") != "1"
    if not isinstance(kwargs, dict) or (seen and not _whole(kwargs)):
        raise Problem(
            409,
            "parameters",
            "The run's parameters are not known in full",
            f"They were hidden or shortened when they were recorded. Start it again with POST {here('/api/v1/runs')}.",
            run=run.id,
            run_page=run_page(run.id),
        )
    return kwargs


def _opened(store: Store, run: Run) -> dict[str, Any]:
    """Return the parameters of a run with secrets.

    :raises Problem: 409 if they are not kept, or a new run could not have them as safely.
    """
    try:
        kwargs, why_not = open_parameters(store, run), why_not_again(store, run)
    except SealBroken as error:
        kwargs, why_not = {}, str(error)
    if why_not:
        raise Problem(
            409,
            "parameters",
            "The run's parameters are not known in full",
            f"It cannot be started again by itself: {why_not}. Enter them again: "
            f"on the page in the form, or with POST {here('/api/v1/runs')}.",
            run=run.id,
            run_page=run_page(run.id),
        )
    return kwargs


def _whole(value: Any) -> bool:
    if isinstance(value, str):
        return value != HIDDEN and not value.endswith(SHORTENED)
    if isinstance(value, dict):
        return SHORTENED not in value and all(map(_whole, value.values()))
    return not isinstance(value, list) or all(map(_whole, value))

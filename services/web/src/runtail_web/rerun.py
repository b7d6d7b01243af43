"""The parameters for starting a run again."""

from __future__ import annotations

from typing import Any

from runtail.runs.record import Run
from runtail.secret import HIDDEN, NOT_KEPT, SHORTENED
from runtail_web.problems import Problem, run_page


def parameters_of(run: Run) -> dict[str, Any]:
    """Return the parameters of a run that is over.

    :raises Problem: 409 if it is not over, or if its parameters are not known in full.
    """
    if not run.state.terminal:
        raise Problem(
            409,
            "not-over",
            "The run is not over",
            f"It is {run.state}. Cancel it first, or start another one: POST /api/v1/runs.",
            run=run.id,
            run_page=run_page(run.id),
        )
    kwargs = run.json("kwargs")
    if run.number("hidden"):
        raise Problem(
            409,
            "parameters",
            "The run's parameters are not known in full",
            f"It cannot be started again by itself: {NOT_KEPT}. Enter them again: "
            "on the page in the form, or with POST /api/v1/runs.",
            run=run.id,
            run_page=run_page(run.id),
        )
    # Runs started here keep their original parameters; for others, a worker recorded those that it saw.
    seen = run.text("announced") != "1"
    if not isinstance(kwargs, dict) or (seen and not _whole(kwargs)):
        raise Problem(
            409,
            "parameters",
            "The run's parameters are not known in full",
            "They were hidden or shortened when they were recorded. Start it again with POST /api/v1/runs.",
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

"""One message as Celery gives it to ``task.__trace__``, with its sealed arguments opened for the task alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from celery import signals

from runtail import secret
from runtail.errors import SealBroken
from runtail.sealing import Opened, Seals, any_sealed, is_sealed
from runtail.worker.task import arguments, delivery

_MARK = "_runtail_opens"


@dataclass(frozen=True, slots=True)
class Call:
    """One message: the arguments that Celery gives to ``task.__trace__``, and the original ``__trace__``."""

    task: Any
    original: Callable[..., Any]
    uuid: str
    #: As they came: sealed values are sealed.
    args: Any
    kwargs: Any
    request: Any
    #: What the task is called with, if that differs.
    _opened: tuple[list[Any], dict[str, Any]] | None = field(default=None, repr=False)
    #: Values that were sealed and must not be shown.
    _secrets: tuple[Any, ...] = field(default=(), repr=False)
    #: Why a sealed value cannot be opened; empty if every one is.
    flaw: str = ""

    def __call__(self) -> Any:
        """Do what Celery would have done."""
        if self.flaw:
            return delivery.fail(self.task, self.request, self.args, self.kwargs, self.flaw)
        if self._opened is None:
            return self.original(self.uuid, self.args, self.kwargs, self.request)
        with self._request_stays_sealed():
            return self.original(self.uuid, *self._opened, self.request)

    @contextlib.contextmanager
    def _request_stays_sealed(self) -> Iterator[None]:
        """Keep opened values out of ``task.request``, which Celery publishes at a retry and stores with results."""

        def seal(task_id: str, task: Any, **_: Any) -> None:
            if task_id == self.uuid:
                task.request.args, task.request.kwargs = self.args, self.kwargs

        # Celery sends this signal after it made the request and before it calls the task.
        signals.task_prerun.connect(seal, weak=False)
        try:
            yield
        finally:
            signals.task_prerun.disconnect(seal)

    def opened(self, seals: Seals) -> Call:
        """Return the call with its sealed arguments opened; itself if none is sealed."""
        # Celery's own check of types comes later.
        args: Sequence[Any] = self.args if isinstance(self.args, list | tuple) else ()
        kwargs: Mapping[str, Any] = self.kwargs if isinstance(self.kwargs, Mapping) else {}
        if not any_sealed(args) and not any_sealed(kwargs.values()):
            return self
        found: list[Opened] = []

        def plain(value: Any, what: str) -> Any:
            if not is_sealed(value):
                return value
            found.append(seals.open(value, what))
            return found[-1].value

        try:
            opened = (
                [plain(value, f"argument {number}") for number, value in enumerate(args, 1)],
                {name: plain(value, f"the parameter {name!r}") for name, value in kwargs.items()},
            )
        except SealBroken as error:
            return replace(self, flaw=str(error))
        return replace(self, _opened=opened, _secrets=tuple(one.value for one in found if not one.repeats))

    def bound(self) -> arguments.Bound:
        """Return the arguments by name, with those that are secret by the task's rules or because they were sealed."""
        function, names = self.task.run, secret.names_of(self.task)
        if self._opened is None and not self.flaw:
            return arguments.bind(function, self.args or (), self.kwargs or {}, names)
        came = arguments.bind(function, self.args or (), self.kwargs or {})
        sealed = {name for name, value in came.named.items() if _has_sealed(value)}
        args, kwargs = self._opened or (self.args or (), self.kwargs or {})
        bound = arguments.bind(function, args, kwargs, names)
        return bound._replace(hidden=bound.hidden | sealed, secrets=(*bound.secrets, *self._secrets))


def _has_sealed(value: Any) -> bool:
    # Of a parameter such as *tokens, each value may be a sealed one.
    return is_sealed(value) or (isinstance(value, list | tuple) and any_sealed(value))


def open_sealed(app: Any, seals: Seals) -> None:
    """Have the sealed arguments of an app's tasks opened where nothing is recorded. Safe to call again."""
    for task in app.tasks.values():
        if not hasattr(task.__trace__, _MARK):
            task.__trace__ = _opening(task, task.__trace__, seals)


def _opening(task: Any, original: Callable[..., Any], seals: Seals) -> Callable[..., Any]:
    def trace(uuid: str, args: Any, kwargs: Any, request: Any = None) -> Any:
        return Call(task, original, uuid, args, kwargs, request if request is not None else {}).opened(seals)()

    setattr(trace, _MARK, True)
    return trace

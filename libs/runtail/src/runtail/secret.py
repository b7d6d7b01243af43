"""Secret parameters: which ones are secret, which texts of their values are masked, and what is shown instead."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from runtail.masking.mask import Masker

#: Shown in place of a secret.
HIDDEN = "***"
#: Ends a recorded parameter that was too long, and replaces all parameters if they were too long together.
SHORTENED = "…"
#: Why a message cannot be published again from a record: the end of a sentence.
NOT_KEPT = "the values of its secret parameters are not kept"
#: Numbers with fewer digits occur in every log.
MIN_DIGITS = 4
#: pydantic's types, recognised by name, because pydantic need not be installed.
_PYDANTIC = ("SecretStr", "SecretBytes", "Secret")


class Secret(str):
    """Annotates a parameter whose value must not be shown: ``def deploy(token: runtail.Secret)``.

    The task gets an ordinary string. The ``repr`` of a value made with this class is ``***``.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)


def names_of(task: Any) -> frozenset[str]:
    """Return the names of a Celery task's secret parameters: those that its options or annotations name."""
    named = (getattr(task, "runtail", None) or {}).get("secrets") or ()
    return frozenset({named} if isinstance(named, str) else named) | _annotated(inspect.unwrap(task.run))


@lru_cache(maxsize=4096)
def _annotated(function: Callable[..., Any]) -> frozenset[str]:
    function = getattr(function, "__func__", function)
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - annotations are user code and may name things that do not exist
        # It is better to hide one parameter too many than one too few.
        texts = getattr(function, "__annotations__", {}).items()
        return frozenset(name for name, text in texts if re.search(r"\bSecret(Str|Bytes)?\b", str(text)))
    return frozenset(name for name, hint in hints.items() if name != "return" and _is_secret(hint))


def _is_secret(hint: Any) -> bool:
    if isinstance(hint, type) and not typing.get_args(hint):
        pydantic = hint.__module__.partition(".")[0] == "pydantic" and hint.__name__ in _PYDANTIC
        return pydantic or issubclass(hint, Secret)
    return any(_is_secret(part) for part in typing.get_args(hint))


def names_in(entry: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of a task's secret parameters, from its catalogue entry."""
    properties = (entry.get("schema") or {}).get("properties") or {}
    marked = {name for name, rule in properties.items() if isinstance(rule, Mapping) and rule.get("writeOnly")}
    return frozenset(entry.get("secrets") or ()) | marked


def encoded(text: str | bytes) -> bytes:
    """Return a text as bytes the way it is written: file names that are not UTF-8 become their original bytes."""
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def texts_of(value: Any) -> Iterator[bytes]:
    """Yield the parts of a secret value to be masked: all its texts, and all its numbers of a minimum length."""
    waiting, seen = [value], set[int]()
    while waiting:
        one = waiting.pop()
        # pydantic's types give their values only on request.
        one = one.get_secret_value() if hasattr(one, "get_secret_value") else one
        if one is None or isinstance(one, bool) or id(one) in seen:
            continue
        if isinstance(one, str | bytes | bytearray):
            yield encoded(bytes(one) if isinstance(one, bytearray) else one)
        elif isinstance(one, int | float):
            whole = isinstance(one, float) and one.is_integer()
            texts = {_shown(abs(one)), *([str(int(abs(one)))] if whole else ())}
            yield from (text.encode() for text in texts if sum(map(str.isdigit, text)) >= MIN_DIGITS)
        elif isinstance(one, Mapping | list | tuple | set | frozenset):
            seen.add(id(one))
            waiting += one.values() if isinstance(one, Mapping) else one
        else:
            yield encoded(_shown(one))


def _shown(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a user's __str__ may raise anything, and a number may have too many digits
        return ""


def hide(kwargs: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return arguments that may be shown: ``***`` replaces secrets, in other arguments too.

    :param kwargs: JSON values.
    :param names: the names of the secret ones.
    """
    masker = Masker([text for name in names if name in kwargs for text in texts_of(kwargs[name])])
    return {name: HIDDEN if name in names else masked(value, masker.whole) for name, value in kwargs.items()}


def hide_in(value: Any, kwargs: Mapping[str, Any], names: Collection[str]) -> Any:
    """Return another JSON value with ``***`` in place of the secret ones of arguments.

    :param names: the names of the secret arguments.
    """
    return masked(value, Masker([text for name in names for text in texts_of(kwargs[name])]).whole)


def masked(value: Any, mask: Callable[[str], str]) -> Any:
    """Return a JSON value with its strings masked, and with numbers that are secrets replaced."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {mask(str(name)): masked(one, mask) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [masked(one, mask) for one in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if mask(str(value)) == str(value) else HIDDEN
    return value

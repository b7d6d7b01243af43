"""Labels: what keys and values may be. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

MAX_LABELS: Final = 20
MAX_VALUE_CHARS: Final = 100
#: Keys have no colon, so that ``key:value`` can be split.
KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}")
_KEY_RULE: Final = "has 1 to 63 letters, digits, '.', '_', '/' or '-', and begins with a letter or digit"
_VALUE_RULE: Final = f"is a text of 1 to {MAX_VALUE_CHARS} printable characters"


def check_key(key: object) -> str:
    """Return the key of a label.

    :raises ValueError: if it cannot be one; the message is a sentence.
    """
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise ValueError(f"{key!r:.80} cannot be the key of a label: a key {_KEY_RULE}")
    return key


def check_value(key: str, value: object) -> str:
    """Return the value of a label.

    :raises ValueError: if it cannot be one; the message is a sentence.
    """
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= MAX_VALUE_CHARS:
        raise ValueError(f"{value!r:.80} cannot be the value of the label {key}: a value {_VALUE_RULE}")
    return value


def check_labels(labels: Any) -> dict[str, str]:
    """Return labels in the order of their keys.

    :raises ValueError: if they cannot be labels; the message is a sentence.
    """
    if not isinstance(labels, dict):
        raise ValueError(f"labels are an object of texts, such as {{'team': 'builders'}}, and not {labels!r:.80}")
    if len(labels) > MAX_LABELS:
        raise ValueError(f"there are {len(labels)} labels: at most {MAX_LABELS} are possible")
    checked = {check_key(key): check_value(key, value) for key, value in labels.items()}
    return dict(sorted(checked.items()))

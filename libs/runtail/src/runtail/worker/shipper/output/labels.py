"""The labels that a task sets while it runs. Pure."""

from collections.abc import Mapping

from runtail.access.labels import MAX_LABELS
from runtail.labels import check_added


class AddedLabels:
    """Labels by key; only as many as a run can have, and none that the task declares.

    :param declared: the labels that the task declares.
    """

    def __init__(self, declared: Mapping[str, str]) -> None:
        self.values: dict[str, str] = {}
        self._declared = declared

    def set(self, key: str, value: str) -> str:
        """Set a label; return why it is not set as a sentence, empty if it is.

        :param key: without secrets, like *value*.
        """
        if key not in self.values and len(self.values) >= MAX_LABELS:
            return f"The label {key:.80} is not set: a run can have {MAX_LABELS} labels."
        try:
            self.values.update(check_added({key: value}, self._declared))
        except ValueError as error:
            return f"A label is not set: {error}."
        return ""

"""The audit log among what a service has written: it goes to standard output, and the rest to standard error."""

from __future__ import annotations

import json
from typing import Any

from runtail.auth.audit_entry import MARK
from tests.support.processes import Process

_MARK = MARK.decode()


def audit_entries(process: Process) -> list[dict[str, Any]]:
    """Return the entries of the audit log."""
    return [json.loads(line) for line in process.output().split("\n") if line.startswith(_MARK)]


def own_log(process: Process) -> list[str]:
    """Return the other lines."""
    return [line for line in process.output().splitlines() if not line.startswith(_MARK)]

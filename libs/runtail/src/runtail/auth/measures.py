"""What web and relay expose of the login: the modes, the policy, and files that cannot be read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtail.auth.modes import MODES, is_exposed, modes_of
from runtail.auth.policy_file import PolicyFile, ReloadedFile
from runtail.metrics import Metrics
from runtail.settings import Settings


def expose_login(
    metrics: Metrics, settings: Settings, policy: PolicyFile, files: Mapping[str, ReloadedFile[Any]]
) -> None:
    """Expose the metrics of the component ``login``.

    A scrape looks at the files, so that a relay that nobody asks for anything tells what it would answer.

    :param metrics: those of web or relay.
    :param files: the files that are read again when they change, by what they hold.
    """
    modes = modes_of(settings)
    metrics.read("runtail_auth_mode", lambda: {(mode,): float(mode in modes) for mode in MODES})
    metrics.read("runtail_auth_exposed", lambda: float(is_exposed(settings)))
    metrics.read("runtail_auth_policy_info", lambda: {(policy.get().digest,): 1.0})
    metrics.read(
        "runtail_auth_file_stale", lambda: {(name,): float(bool(file.check())) for name, file in files.items()}
    )

"""A detector for detect-secrets: tokens of Runtail, of people, machines (``rt1_``) and share links (``rts1_``).

It runs in the environment of detect-secrets, as a file that is named on its command line.
"""

from __future__ import annotations

import re

from detect_secrets.plugins.base import RegexBasedDetector


class RuntailTokenDetector(RegexBasedDetector):
    """Finds tokens by their form: id, secret, checksum."""

    secret_type = "Runtail token"  # noqa: S105 - the name of a kind of secret
    denylist = (re.compile(r"rts?1_[A-Za-z2-7]{10}_[A-Za-z0-9_-]{43}_[A-Za-z0-9]{6}(?![A-Za-z0-9_-])"),)

"""In-band sequences: what a task's process says about its output, inside it.

``ESC ] 7777 ; <nonce> ; <base64url of a JSON object> BEL``. The nonce is known only to the task's process and to
the shipper, so that output copied from elsewhere cannot pose as a sequence.
"""

import base64
import json
from typing import Any


def sequence_prefix(nonce: str) -> bytes:
    """Return the bytes with which each of a run's sequences begins."""
    return b"\x1b]7777;%b;" % nonce.encode()


def sequence(nonce: str, message: dict[str, Any]) -> bytes:
    """Return what says *message* within the output of a run."""
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    # A lone surrogate becomes its escape, which JSON understands.
    return sequence_prefix(nonce) + base64.urlsafe_b64encode(text.encode("utf-8", "backslashreplace")) + b"\x07"

"""In-band sequences: what a task's process says about its output, within that output.

``ESC ] 7777 ; <nonce> ; <base64url of a JSON object> BEL``. Only the task's process and the shipper know the nonce, so
that output copied from elsewhere cannot pose as a sequence.
"""

import base64
import json
from typing import Any


def sequence_prefix(nonce: str) -> bytes:
    """Return the bytes with which each of a run's sequences begins."""
    return b"\x1b]7777;%b;" % nonce.encode()


def sequence(nonce: str, message: dict[str, Any]) -> bytes:
    """Return the sequence that carries *message* within the output of a run."""
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    # A lone surrogate becomes its escape, which JSON understands.
    return sequence_prefix(nonce) + base64.urlsafe_b64encode(text.encode("utf-8", "backslashreplace")) + b"\x07"

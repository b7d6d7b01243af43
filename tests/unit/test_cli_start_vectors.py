"""Commands that the start form copies: a shell and the command line read the form's own values out of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runtail.cli import main
from runtail.cli.parameters import parse

#: The form's side is services/web/ui/tests/start.test.ts.
VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "support" / "start_vectors.json").read_text(encoding="utf-8")
)


def typed(program: str, command: str) -> list[str]:
    """The arguments that a program gets from a command."""
    script = f'{program}() {{ printf "%s\\0" "$RUNTAIL_URL" "$@"; }}\nRUNTAIL_TOKEN="its token"\n{command}\n'
    found = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return found.stdout.split("\0")[:-1]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["task"] for vector in VECTORS])
def test_the_command_line_reads_the_same_values(vector: dict[str, Any]) -> None:
    url, command, *arguments = typed("runtail", vector["cli"])
    assert (url, command) == (vector["url"], "start")
    with main.commands["start"].make_context("start", arguments) as context:
        given = context.params
    secrets = [f"{name}=@FILE" for name in vector["secrets"]]
    values = [one for one in given["parameters"] if one not in secrets]
    assert len(given["parameters"]) == len(values) + len(secrets)
    assert given["task"] == vector["task"]
    assert parse(values, vector["schema"]) == vector["kwargs"]
    assert given["title"] == (vector["title"] or None)
    assert dict(label.split("=", 1) for label in given["labels"]) == (vector["labels"] or {})


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["task"] for vector in VECTORS])
def test_curl_sends_the_same_values(vector: dict[str, Any]) -> None:
    _, address, *options = typed("curl", vector["curl"])
    headers = ["-H", "Authorization: Bearer its token"] if vector["login"] else []
    assert [address, *options[:-1]] == [
        f"{vector['url']}/api/v1/runs", *headers, "-H", "Content-Type: application/json", "-d",
    ]  # fmt: skip
    about = {name: vector[name] for name in ("title", "labels") if vector[name]}
    kwargs = vector["kwargs"] | {name: f"<{name}>" for name in vector["secrets"]}
    assert json.loads(options[-1]) == {"task": vector["task"], "kwargs": kwargs, **about}

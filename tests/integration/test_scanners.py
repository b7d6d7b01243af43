"""The scanners of ``make scan`` find what is planted where they look."""

from __future__ import annotations

import json
import os
import secrets as random_bytes
import shutil
import subprocess
from base64 import b32encode
from pathlib import Path

import pytest

from tests.support.chart import profile, rendered_text, with_login
from tests.support.continuous_integration import lacking
from tools.scan import chart, secrets

ROOT = Path(__file__).parents[2]
SCANNERS = ROOT / "build/scanners/bin"

#: A file, what stands in it, and the rule that finds it.
UNSAFE = (
    ("services/web/src/runtail_web/planted.py", '@routes.get("/x")\ndef x():\n    return ""\n', "route-without-allows"),
    ("libs/runtail/src/runtail/planted.py", "import pickle\npickle.loads(b'')\n", "unsafe-deserialization"),
    ("services/socket/src/runtail_socket/planted.py", "if token == given:\n    pass\n", "secret-comparison"),
    ("services/web/ui/src/planted.ts", "document.body.innerHTML = location.hash;\n", "html-from-text"),
    ("libs/runtail/src/runtail/scripts/planted.lua", "return loadstring(ARGV[1])()\n", "lua-from-text"),
    ("services/web/src/runtail_web/templates/planted.html", "<p>{{ line|safe }}</p>\n", "unescaped-template"),
)


def scanner(name: str) -> Path:
    """Return the path of a scanner."""
    path = SCANNERS / name
    if not path.exists():
        lacking(f"no {name}", "`make scan` installs it")
    return path


def test_semgrep_finds_unsafe_code_in_every_language(tmp_path: Path) -> None:
    scanner("semgrep")
    # As the tree is, with what is planted: the target is called there.
    for name, text, _ in UNSAFE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for folder in ("docker", "helm"):
        (tmp_path / folder).mkdir()
    shutil.copytree(ROOT / "tools/semgrep", tmp_path / "tools/semgrep")
    (tmp_path / "build").mkdir()
    (tmp_path / "build/scanners").symlink_to(SCANNERS.parent)
    shutil.copy(ROOT / "Makefile", tmp_path)
    done = subprocess.run(
        ["make", "--old-file", "build/scanners/.complete", "scan-code"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "MAKEFLAGS"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode != 0
    for name, _, rule in UNSAFE:
        assert name in done.stdout, done.stdout + done.stderr
        assert rule in done.stdout


def test_checkov_finds_a_pod_that_may_do_too_much(tmp_path: Path) -> None:
    checkov = scanner("checkov")
    folder = ROOT / "build/scan/planted"
    folder.mkdir(parents=True, exist_ok=True)
    pod = folder / f"{tmp_path.name}.yaml"
    text = rendered_text(json.dumps(with_login({})), ROOT / "helm/runtail", 4, ())
    assert profile("defaults") is not None
    assert "allowPrivilegeEscalation: false" in text
    pod.write_text(text.replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"))
    try:
        found = chart.scan(checkov, [pod, *(ROOT / name for name in chart.DOCKERFILES)])
    finally:
        pod.unlink()
    wrong = chart.judge(found, chart.exceptions(chart.EXCEPTIONS.read_text()))
    assert any("CKV_K8S_20" in one and "runtail-web" in one for one in wrong), wrong


def test_checkov_that_cannot_read_a_file_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(chart.Unfinished, match="ended with"):
        chart.scan(scanner("checkov"), [ROOT / name for name in chart.DOCKERFILES])


def test_keys_in_the_tree_are_found_also_in_tests(tmp_path: Path) -> None:
    program = scanner("detect-secrets")
    token = b32encode(random_bytes.token_bytes(7)).decode()[:10].lower()
    token = f"rt1_{token}_{random_bytes.token_urlsafe(32)}_a1b2c3"
    share = token.replace("rt1_", "rts1_")
    made = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True, text=True, check=True)
    texts = {
        "docs/page.md": f"curl --header 'Authorization: Bearer {token}'\n",
        "tests/test_x.py": f'HEADER = "Bearer {share}"\n',
        "tests/key.pem": made.stdout,
        "tests/made_up.py": 'password = "correct horse"\nurl = "redis://ann:pw-1@host"\n',
        "services/settings.py": 'password = "correct horse"\n',
        "docs/words.md": "Tokens begin with rt1_ and rts1_, as rt1_<id>_<secret>_<checksum>.\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = {(one.path, one.kind) for one in secrets.scan(program, texts, tmp_path)}
    # Parts of a token may look like something else as well.
    assert found >= {
        ("docs/page.md", "Runtail token"),
        ("tests/test_x.py", "Runtail token"),
        ("tests/key.pem", "Private Key"),
        ("services/settings.py", "Secret Keyword"),
    }
    assert {path for path, _ in found} == {"docs/page.md", "tests/test_x.py", "tests/key.pem", "services/settings.py"}

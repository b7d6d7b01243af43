"""A release made in a clone, with wheels and a signed chart."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import earlier
from tests.support.chart import PROFILES, profile, render
from tests.support.continuous_integration import lacking
from tests.support.helm import helm
from tools.release import changelog, releases, versions

ROOT = Path(__file__).resolve().parents[2]
VERSION = "97.1.0"
MADE = {
    "VENV": ".venv/.complete",
    "PAGES": "services/web/src/runtail_web/static/.vite/manifest.json",
    "HELM": "build/helm/.complete",
}
PUBLIC = ("--key-url", "https://runtail.example/key.asc", "--url", "https://runtail.example")


def run(arguments: list[str], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program that need not succeed."""
    names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example", "GIT_COMMITTER_NAME": "a"}
    return subprocess.run(
        arguments,
        cwd=cwd,
        env={**os.environ, **names, "GIT_COMMITTER_EMAIL": "a@example", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints."""
    done = run(["git", *arguments], folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone of the commit that is checked out here, with something to release."""
    made = tmp_path / "checkout"
    git(tmp_path, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(made))
    log = made / "CHANGELOG.md"
    log.write_text(
        log.read_text().replace(changelog.UNRELEASED, f"{changelog.UNRELEASED}\n### Added\n\n- Something new.\n")
    )
    git(made, "commit", "--quiet", "--all", "--message", "Add something", "--date", "2026-01-02T03:04:05Z")
    return made


def release(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Make a release of a checkout."""
    words = [sys.executable, "-m", "tools.release", "--root", str(checkout), "--helm", helm(4), *arguments]
    # Both of the same commits: a commit's time is a part of it.
    return run(words, checkout, GIT_COMMITTER_DATE="2026-01-02T03:04:05Z", **environment)


def key(folder: Path) -> tuple[str, Path, Path]:
    """Make an OpenPGP key without a passphrase: its name, its secret and its public keyring."""
    if not shutil.which("gpg"):
        lacking("no gpg", "Debian's package is gnupg")
    home = folder / "gpg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
    try:
        for arguments in (
            ["--quick-generate-key", "Test <test@example>", "rsa3072", "sign", "never"],
            ["--output", str(folder / "secret"), "--export-secret-keys"],
            ["--output", str(folder / "public"), "--export"],
        ):
            done = run([*gpg, *arguments], folder)
            assert done.returncode == 0, done.stderr
    finally:
        run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], folder)
    return "Test", folder / "secret", folder / "public"


def fingerprint(keyring: Path) -> str:
    """Return the fingerprint of a keyring's key, as gpg shows it to people."""
    said = run(["gpg", "--show-keys", str(keyring)], keyring.parent).stdout
    return said.splitlines()[1].strip()


def assert_annotated(annotations: dict[str, str], fingerprint: str, root: Path) -> None:
    """Fail if the chart does not say of itself what Artifact Hub shows: all changes, and all images that are used."""
    said = {name.removeprefix("artifacthub.io/"): yaml.safe_load(text) for name, text in annotations.items()}
    assert set(said) == {"category", "changes", "images", "license", "links", "signKey"}
    assert said["license"] == "MIT"
    assert said["links"] == [{"name": "source", "url": "https://runtail.example"}]
    assert said["signKey"] == {"fingerprint": fingerprint, "url": "https://runtail.example/key.asc"}

    entries = changelog.entries(changelog.section((root / "CHANGELOG.md").read_text(), VERSION))
    assert len(said["changes"]) == len(entries)
    assert {"kind": "added", "description": "Something new."} in said["changes"]
    assert {change["kind"] for change in said["changes"]} <= {"added", "changed", "fixed", "removed"}
    assert not any("](" in change["description"] for change in said["changes"])

    def used(values: dict[str, Any]) -> set[str]:
        found = set()
        for one in render(values, chart=root / "helm/runtail"):
            pod = one.get("spec", {}).get("template", {}).get("spec", one.get("spec", {}))
            found |= {container["image"] for container in pod.get("containers", []) if "image" in container}
        return found

    defaults = {image["image"] for image in said["images"]}
    ours = {f"runtail/{name}:{VERSION}" for name in ("web", "socket", "worker")}
    assert ours < used({}) <= defaults
    # In profiles others come to them, which their users name: registries, tags, images of teams.
    assert defaults <= set().union(*(used(profile(name)) for name in PROFILES))
    assert all(image["name"] and image["name"] in image["image"] for image in said["images"])


def test_a_release_is_a_commit_a_tag_and_files_that_can_be_checked(checkout: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    git(tmp_path, "clone", "--quiet", "--no-hardlinks", str(checkout), str(again))
    name, secret, public = key(tmp_path)
    for one in (checkout, again):
        done = release(one, VERSION, "--date", "2026-01-02", "--key", name, "--keyring", str(secret), *PUBLIC)
        assert done.returncode == 0, done.stderr
        assert "Nothing was published" in done.stdout

    (released,) = json.loads((checkout / "helm/releases.json").read_text())[-1:]
    commit = git(checkout, "rev-parse", f"v{VERSION}^{{commit}}")
    assert released == {"version": VERSION, "commit": commit}
    assert git(checkout, "status", "--porcelain") == ""
    # The commit that was released, which the commit that notes it follows.
    assert git(checkout, "rev-parse", "HEAD~1") == commit
    assert VERSION not in git(checkout, "show", f"{commit}:{releases.LIST}")
    before = earlier.check_out(tmp_path / "before", checkout)
    assert (before.version, before.commit) == (VERSION, commit)
    assert versions.read(tmp_path / "before") == VERSION
    git(checkout, "checkout", "--quiet", f"v{VERSION}")
    assert versions.read(checkout) == VERSION
    log = (checkout / "CHANGELOG.md").read_text()
    assert "Something new." in changelog.entries(changelog.section(log, VERSION))
    assert changelog.section(log, "Unreleased") == ""

    files = {path.name: path for path in (checkout / "build/release" / VERSION).iterdir()}
    chart, wheel = f"runtail-{VERSION}.tgz", f"runtail-{VERSION}-py3-none-any.whl"
    assert set(files) == {chart, f"{chart}.prov", wheel, "SHA256SUMS"}
    assert run(["sha256sum", "--check", "SHA256SUMS"], files[chart].parent).returncode == 0
    for file in (chart, wheel):
        assert files[file].read_bytes() == (again / "build/release" / VERSION / file).read_bytes()
    with zipfile.ZipFile(files[wheel]) as packed:
        assert f'__version__ = "{VERSION}"'.encode() in packed.read("runtail/version.py")
    verified = run([helm(4), "verify", str(files[chart]), "--keyring", str(public)], tmp_path)
    assert verified.returncode == 0, verified.stderr
    shown = yaml.safe_load(run([helm(4), "show", "chart", str(files[chart])], tmp_path).stdout)
    assert (shown["version"], shown["appVersion"]) == (VERSION, VERSION)
    assert_annotated(shown["annotations"], fingerprint(public), checkout)

    lower = release(again, "96.0.0")
    assert (lower.returncode, lower.stdout) == (1, "")
    assert lower.stderr == f"No release was made: {VERSION} was released; VERSION must be higher.\n"


def test_the_command_of_the_documentation_makes_it(checkout: Path) -> None:
    (command,) = re.findall(r"`(make release VERSION=1\.2\.3)`", (ROOT / "CONTRIBUTING.md").read_text())
    # What make builds before is that of the checkout here.
    made = {name: str(ROOT / path) for name, path in MADE.items()}
    words = [f"{name}={path}" for name, path in made.items()] + [f"--old-file={path}" for path in made.values()]
    done = run([*command.split(), *words, f"BIN={ROOT}/.venv/bin"], checkout, PYTHONPATH="")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (checkout / "build/release/1.2.3").iterdir()} == {
        "runtail-1.2.3.tgz",
        "runtail-1.2.3-py3-none-any.whl",
        "SHA256SUMS",
    }
    assert earlier.chosen(checkout).version == "1.2.3"


@pytest.mark.parametrize(
    ("prepare", "version", "why"),
    [
        ("", "", "VERSION='' is not of the form 1.2.3."),
        ("", "v1.2.3", "VERSION='v1.2.3' is not of the form 1.2.3."),
        # Lower than what was released, or than what the sources say if nothing was.
        ("", "0.0.1", "VERSION must "),
        ("echo x >>README.md", VERSION, "The checkout has changes; commit or stash them:\n M README.md"),
        ("sed -i '/^- /d' CHANGELOG.md; git commit -qam x", VERSION, "there is nothing to release."),
        (
            "sed -i s/^version:.*/version:/ helm/runtail/Chart.yaml; git commit -qam x",
            VERSION,
            "does not say the version",
        ),
        # Helm refuses it when the release is half made.
        ("echo '  - [' >>helm/runtail/values.yaml; git commit -qam x", VERSION, " template runtail"),
        ("sed -i 's/^### .*//' CHANGELOG.md; git commit -qam x", VERSION, "stands under no heading"),
    ],
)
def test_what_cannot_be_released_is_left_as_it_is(checkout: Path, prepare: str, version: str, why: str) -> None:
    assert run(["bash", "-ec", prepare], checkout).returncode == 0
    before = git(checkout, "rev-parse", "HEAD"), git(checkout, "status", "--porcelain")
    done = release(checkout, version)
    assert done.returncode == 1
    assert why in done.stderr.split("No release was made: ")[1]
    assert "Traceback" not in done.stderr
    assert (git(checkout, "rev-parse", "HEAD"), git(checkout, "status", "--porcelain")) == before
    assert git(checkout, "tag", "--list", f"v{VERSION}") == ""


def test_without_helm_or_the_key_all_is_left_as_it_is(checkout: Path) -> None:
    done = release(checkout, VERSION, "--helm", "no-such-helm")
    assert done.returncode == 1
    assert done.stderr == "No release was made: no-such-helm is not installed, or not on the PATH.\n"
    assert git(checkout, "status", "--porcelain") == ""

    # Here it is half made: the commit is there already.
    before = git(checkout, "rev-parse", "HEAD")
    done = release(checkout, VERSION, "--key", "nobody", "--keyring", str(checkout / "nothing"))
    assert done.returncode == 1
    assert "--sign --key nobody" in done.stderr.split("No release was made: ")[1]
    assert (git(checkout, "rev-parse", "HEAD"), git(checkout, "tag", "--list", f"v{VERSION}")) == (before, "")

"""A believable image build: sections, colours, progress, a subprocess, a secret."""

from __future__ import annotations

import random
import shlex
import time
from typing import Annotated, Literal

import runtail
from runtail_worker.app import app

GREEN, YELLOW, BOLD, RESET = "\x1b[32m", "\x1b[33m", "\x1b[1m", "\x1b[0m"

PACKAGES = ("ca-certificates", "curl", "libpq5", "nginx-light", "openssl", "postgresql-client", "python3", "tini")


@app.task(
    name="demo.build_image",
    runtail={
        "title": "Image {name} in {region}",
        "presets": {"quick": {"seconds": 5.0}, "everything": {"roles": ["base", "web", "database", "monitoring"]}},
    },
)
def build_image(
    name: str = "web",
    roles: list[str] | None = None,
    region: Literal["eu-west-1", "eu-central-1", "us-east-1"] = "eu-central-1",
    seconds: Annotated[float, {"minimum": 0}] = 120.0,
) -> dict[str, str]:
    """Build a machine image: about two minutes of believable output.

    :param name: Name of the image.
    :param roles: What the machine will do.
    :param region: Where the image is registered.
    :param seconds: How long the whole build takes.
    """
    roles = roles or ["base", "web"]
    build = Build(seconds)
    print(f"{BOLD}Building image {name!r}{RESET} with roles {', '.join(roles)} in {region}")
    with runtail.section("Prepare"):
        token = f"{random.getrandbits(96):024x}"
        runtail.mask(token)
        print(f"Logging in with token {token}")
        runtail.sh("uname -srm; echo working in $(pwd); df -h . | tail -1")
        build.pause(0.05)
    with runtail.section("Install packages"):
        for package in PACKAGES:
            print(f"Get: {package} [{random.randint(20, 900)} kB]")
            build.pause(0.02)
            print(f"Setting up {package} ({random.randint(1, 9)}.{random.randint(0, 20)}) ... {GREEN}done{RESET}")
            build.pause(0.02)
    for role in roles:
        with runtail.section(f"Role {role}"):
            build.role(role, 0.4 / len(roles))
    with runtail.section("Write image"):
        build.write(0.2)
    image = f"{name}-{random.getrandbits(32):08x}"
    print(f"{GREEN}{BOLD}Image {image} registered in {region}{RESET}")
    runtail.progress(1.0, "done")
    return {"image": image, "region": region}


class Build:
    """Spreads the output over the time that the build should take."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = 0.0

    def pause(self, share: float) -> None:
        """Wait for this share of the whole time and show the progress."""
        time.sleep(self.seconds * share)
        self.passed += share
        runtail.progress(min(self.passed, 0.99), f"{self.passed:.0%}")

    def role(self, role: str, share: float) -> None:
        """Run the steps of one role in a subprocess."""
        steps = ("users", "files", "services", "firewall", "checks")
        for step in steps:
            text = f"TASK [{role} : configure {step}] " + "*" * 30
            runtail.sh(f"echo {shlex.quote(text)}; echo changed: [localhost]")
            if step == "firewall":
                print(f"{YELLOW}warning: port 22 stays open for the build{RESET}")
                print("::warning::port 22 stays open for the build")
            self.pause(share / len(steps))

    def write(self, share: float) -> None:
        """Draw a progress bar on one line."""
        for done in range(0, 101, 5):
            bar = "#" * (done // 5)
            print(f"\rwriting [{bar:<20}] {done:3d} %", end="", flush=True)
            self.pause(share / 21)
        print()

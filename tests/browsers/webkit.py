"""The machine's own WebKit (WebKitGTK's small browser, on a screen that nobody sees), told what to do over HTTP."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from tests.browsers.webdriver import COMMAND_SECONDS, Command, Refused
from tests.support.continuous_integration import lacking
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import wait_for

#: Where Debian and others put the browser that comes with the library.
PLACES = ("lib/*/webkit2gtk-*/MiniBrowser", "lib/*/webkitgtk-*/MiniBrowser", "libexec/webkit*gtk-*/MiniBrowser")

#: How long each of the programs may take to start, in seconds.
START_SECONDS = 60.0

#: WebDriver has no word for what a page complains about, so the page is asked; what it complained about before the
#: first question are the policy's reports.
_COMPLAINTS = """
    const [site] = arguments;
    if (!location.href.startsWith(site)) return [];
    if (!window.complaints) {
        const found = (window.complaints = []);
        window.addEventListener("error", ({ message }) => found.push(`exception: ${message}`));
        window.addEventListener("unhandledrejection", ({ reason }) => found.push(`rejection: ${reason}`));
        for (const level of ["error", "warn"]) {
            const log = console[level];
            console[level] = (...words) => {
                found.push(`console ${level}: ${words.join(" ")}`);
                log.apply(console, words);
            };
        }
        new ReportingObserver(
            (reports) => reports.forEach(({ body }) => found.push(`policy: ${JSON.stringify(body)}`)),
            { types: ["csp-violation"], buffered: true },
        ).observe();
    }
    return window.complaints.splice(0);
"""


class WebKit:
    """A WebKit on a screen of its own.

    :param directory: for what it stores and prints.
    """

    #: It presses the keys, as a person with its language does.
    date_format = "%m/%d/%Y"

    def __init__(self, directory: Path) -> None:
        programs = {name: shutil.which(name) for name in ("WebKitWebDriver", "Xvfb")}
        browser = next((path for place in PLACES for path in Path("/usr").glob(place)), None)
        if not all(programs.values()) or browser is None:
            lacking("no WebKit", "apt install webkit2gtk-driver xvfb")
        home = directory / "webkit"
        home.mkdir()
        with ExitStack() as stack:
            # On the first free screen, whose number it prints.
            screen = stack.enter_context(
                Process([*("Xvfb", "-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1600x1200x24")], directory)
            )
            display = wait_for(lambda: _number(screen.output()), START_SECONDS, screen.evidence)
            environment = {
                "DISPLAY": f":{display}",
                "GDK_BACKEND": "x11",
                # Pictures of what it draws otherwise are black, or do not come.
                "WEBKIT_SKIA_ENABLE_CPU_RENDERING": "1",
                "LANG": "en_US.UTF-8",
                "HOME": str(home),
                **{f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")},
                # Neither screen readers nor a desktop are there to be told of anything.
                "DBUS_SESSION_BUS_ADDRESS": None,
                "NO_AT_BRIDGE": "1",
                "GTK_A11Y": "none",
            }
            port = free_port()
            self._driver = stack.enter_context(
                Process(["WebKitWebDriver", f"--port={port}"], directory, environment=environment)
            )
            self._client = stack.enter_context(
                httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=COMMAND_SECONDS, trust_env=False)
            )
            wait_for(self._answers, START_SECONDS, self._driver.evidence)
            options = {"binary": str(browser), "args": ["--automation"]}
            made = self._ask(
                "POST", "/session", {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
            )
            self._session = f"/session/{made['sessionId']}"
            self.name = f"WebKitGTK {made['capabilities']['browserVersion']}"
            self._stack = stack.pop_all()

    def _answers(self) -> bool:
        if not self._driver.is_running():
            raise AssertionError(f"WebKitWebDriver did not start\n{self._driver.evidence()}")
        try:
            return self._client.get("/status").is_success
        except httpx.TransportError:
            return False

    def _ask(self, method: str, path: str, body: Any) -> Any:
        answer = self._client.request(method, path, json=body if method == "POST" else None)
        value = answer.json()["value"]
        if answer.is_error:
            raise Refused(value["error"], value["message"])
        return value

    def call(self, command: Command, **parameters: Any) -> Any:
        """Tell it something, and return what it answers."""
        return self._ask(command.method, self._session + command.path.format(**parameters), parameters)

    def complaints(self, site: str) -> list[str]:
        """Return what the page in the window has complained about since it was asked last."""
        return list(self.call(Command.RUN, script=_COMPLAINTS, args=[site]))

    def close(self) -> None:
        """End it and its screen."""
        self._stack.close()


def _number(printed: str) -> str:
    """The line that is a number: what else is printed are warnings."""
    return next((line for line in printed.splitlines() if line.isdigit()), "")

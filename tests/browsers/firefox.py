"""The machine's own Firefox, told what to do over its Marionette socket."""

from __future__ import annotations

import contextlib
import shutil
import socket
from pathlib import Path
from typing import Any

import orjson

from tests.browsers.webdriver import COMMAND_SECONDS, Command, Refused
from tests.support.continuous_integration import lacking
from tests.support.processes import Process
from tests.support.waiting import wait_for

#: What Debian and others call it.
PROGRAMS = ("firefox-esr", "firefox")

#: How long it may take to start, in seconds.
START_SECONDS = 90.0

#: What Firefox noted of a site's pages since the last time: errors of scripts and policies, and what they logged.
_COMPLAINTS = """
    const [site] = arguments;
    const { nsIScriptError, nsIConsoleAPIStorage } = Ci;
    const noted = Services.console.getMessageArray().filter((one) => one instanceof nsIScriptError
        && !(one.flags & nsIScriptError.warningFlag) && one.sourceName.startsWith(site));
    Services.console.reset();
    const storage = Cc["@mozilla.org/consoleAPI-storage;1"].getService(nsIConsoleAPIStorage);
    const logged = storage.getEvents().filter(({ level, filename }) =>
        ["error", "warn"].includes(level) && filename.startsWith(site));
    storage.clearEvents();
    return [
        ...noted.map((one) => `${one.category}: ${one.errorMessage} (${one.sourceName}:${one.lineNumber})`),
        ...logged.map(({ level, arguments: words }) => `console ${level}: ${Array.from(words, String).join(" ")}`),
    ];
"""


class Firefox:
    """A Firefox without a screen, with a profile of its own.

    :param directory: for the profile and what it prints.
    """

    #: As the standard says.
    date_format = "%Y-%m-%d"

    def __init__(self, directory: Path) -> None:
        program = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
        if program is None:
            lacking("no Firefox", "apt install firefox-esr")
        profile = directory / "firefox"
        profile.mkdir()
        # Any free port. It sets the preferences for tests itself.
        (profile / "user.js").write_text('user_pref("marionette.port", 0);\n')
        # Its console can be read with access to the browser itself only.
        arguments = ("--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", profile)
        self._process = Process([program, *arguments], directory, environment={"HOME": str(directory)})
        try:
            self._marionette = _Marionette(self._port(profile / "MarionetteActivePort"))
            capabilities = self._marionette.ask("WebDriver:NewSession")["capabilities"]
        except BaseException:
            self._process.kill()
            raise
        self.name = f"Firefox {capabilities['browserVersion']}"

    def _port(self, file: Path) -> int:
        def told() -> str:
            if not self._process.is_running():
                raise AssertionError(f"Firefox did not start\n{self._process.evidence()}")
            return file.read_text() if file.exists() else ""

        return int(wait_for(told, START_SECONDS, self._process.evidence))

    def call(self, command: Command, **parameters: Any) -> Any:
        """Tell it something, and return what it answers."""
        if command is Command.PICTURE:
            parameters["full"] = False
        answer = self._marionette.ask(command.marionette, **parameters)
        return answer.get("value", answer)

    def complaints(self, site: str) -> list[str]:
        """Return what it noted of the site's pages since it was asked last."""
        self._marionette.ask("Marionette:SetContext", value="chrome")
        try:
            found = self._marionette.ask("WebDriver:ExecuteScript", script=_COMPLAINTS, args=[site])["value"]
        finally:
            self._marionette.ask("Marionette:SetContext", value="content")
        return list(found)

    def close(self) -> None:
        """Kill it: the profile is thrown away."""
        self._marionette.close()
        self._process.kill()


class _Marionette:
    """The socket: each message is JSON, behind its length and a colon."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=COMMAND_SECONDS)
        self._received = self._socket.makefile("rb")
        self._asked = 0
        assert self._receive()["marionetteProtocol"] == 3

    def ask(self, name: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its answer."""
        self._asked += 1
        message = orjson.dumps([0, self._asked, name, parameters])
        self._socket.sendall(b"%d:%b" % (len(message), message))
        _, number, error, answer = self._receive()
        assert number == self._asked
        if error:
            raise Refused(error["error"], error["message"])
        return dict(answer)

    def _receive(self) -> Any:
        length = b""
        while (byte := self._received.read(1)) != b":":
            if not byte:
                raise ConnectionError("Firefox is gone")
            length += byte
        return orjson.loads(self._received.read(int(length)))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._received.close()
            self._socket.close()

"""WebDriver, as much of it as these tests need: what a browser is told, and what it answers.

WebKit takes the commands over HTTP, as the standard has them. Firefox takes the same commands over a socket of its own
(Marionette); the program that translates between the two, geckodriver, is not in Debian.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Protocol

#: How long a browser may take for one command on a busy machine, in seconds.
COMMAND_SECONDS = 60.0

#: The key of an element in what a browser answers. It is the standard's.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

#: How the standard writes keys that are no characters.
KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Shift": "\ue008",
    "Control": "\ue009",
    "Escape": "\ue00c",
    "ArrowDown": "\ue015",
    "PageDown": "\ue00f",
    "PageUp": "\ue00e",
    "End": "\ue010",
    "Home": "\ue011",
}


class Command(Enum):
    """What a browser is told: the method and path of the standard, and Marionette's name for it."""

    NAVIGATE = ("POST", "/url", "WebDriver:Navigate")
    RUN = ("POST", "/execute/sync", "WebDriver:ExecuteScript")
    CLICK = ("POST", "/element/{id}/click", "WebDriver:ElementClick")
    CLEAR = ("POST", "/element/{id}/clear", "WebDriver:ElementClear")
    TYPE = ("POST", "/element/{id}/value", "WebDriver:ElementSendKeys")
    ACT = ("POST", "/actions", "WebDriver:PerformActions")
    RELEASE = ("DELETE", "/actions", "WebDriver:ReleaseActions")
    RESIZE = ("POST", "/window/rect", "WebDriver:SetWindowRect")
    PICTURE = ("GET", "/screenshot", "WebDriver:TakeScreenshot")
    FORGET = ("DELETE", "/cookie", "WebDriver:DeleteAllCookies")

    def __init__(self, method: str, path: str, marionette: str) -> None:
        self.method, self.path, self.marionette = method, path, marionette


class Refused(Exception):
    """A browser did not do what it was told.

    :param code: the standard's name of the error, e.g. ``stale element reference``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Driver(Protocol):
    """A browser that was started, with one window."""

    #: With its version.
    name: str
    #: How a date is typed into a field for dates.
    date_format: str

    def call(self, command: Command, **parameters: Any) -> Any:
        """Tell it something, and return what it answers.

        :param parameters: of the standard; ``id`` is an element's.
        :raises Refused: it could not.
        """

    def complaints(self, site: str) -> list[str]:
        """Return what pages have complained about since this was asked last: exceptions, console errors, policies.

        :param site: what the addresses of these pages begin with.
        """

    def close(self) -> None:
        """End it."""

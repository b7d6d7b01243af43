"""What a person does and sees in a browser: each step waits until it can be done, with a deadline."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from tests.browsers.webdriver import ELEMENT, KEYS, Command, Driver, Refused
from tests.support.logins import PASSWORD
from tests.support.waiting import wait_for

#: How long something may take to be seen on a busy machine. Only a failing test takes as long.
SECONDS = 30.0

#: What comes of a page that is being drawn again, or left.
_PASSING = {
    "element click intercepted",
    "element not interactable",
    "invalid element state",
    "javascript error",
    "no such element",
    "stale element reference",
    "unknown error",
}

#: An element that can be seen, with words in it, in whatever case the style writes them.
_FIND = """
    const [css, text] = arguments;
    const seen = [...document.querySelectorAll(css)].filter((one) => one.checkVisibility());
    return seen.find((one) => one.innerText.toLowerCase().includes(text.toLowerCase())) ?? null;
"""

#: A field by its label, as people see it or as it is said to them.
_FIELD = """
    const [name] = arguments;
    const words = (one) => one.getAttribute("aria-label") ?? [...one.labels].map((label) => label.innerText).join(" ");
    const fields = [...document.querySelectorAll("input, select, textarea")].filter((one) => one.checkVisibility());
    return fields.find((one) => words(one).replace(/ \\*$/, "").trim() === name) ?? null;
"""


class Tab:
    """The window of a browser.

    :param driver: of the browser.
    :param site: the address of the pages, without the last slash.
    :param pictures: a folder for a picture of each failure.
    """

    def __init__(self, driver: Driver, site: str, pictures: Path) -> None:
        self.driver, self.site, self._pictures = driver, site, pictures
        self._complaints: list[str] = []
        #: Texts of complaints that the test brings about itself.
        self.expected: list[str] = []

    # What a person does.

    def open(self, path: str) -> None:
        """Go to a page."""
        self._complaints += self.driver.complaints(self.site)
        self.driver.call(Command.NAVIGATE, url=f"{self.site}{path}")
        self._complaints += self.driver.complaints(self.site)

    def click(self, css: str, text: str = "", *, shift: bool = False) -> None:
        """Click on what :meth:`see` would see."""
        self._do(lambda: self._shift_click(css, text) if shift else self._click(_FIND, css, text), f"{css} {text!r}")

    def fill(self, label: str, text: str) -> None:
        """Replace what is in a field."""
        self._fill(label, text, text)

    def fill_date(self, label: str, day: date) -> None:
        """Fill in a date."""
        self._fill(label, day.strftime(self.driver.date_format), day.isoformat())

    def choose(self, label: str, option: str) -> None:
        """Choose from a list."""
        find = (
            _FIELD.replace("return", "const field =")
            + """
            return field && ([...field.options].find((one) => one.label === arguments[1]) ?? null);
        """
        )
        self._do(lambda: self._click(find, label, option), f"{option} in {label}")

    def tick(self, label: str) -> None:
        """Click on a check box, or into a field."""
        # WebKit's driver scrolls no field from below what lies over the end of a form.
        self._do(lambda: self._click(_FIELD, label, centred=True), f"the field {label}")

    def press(self, *keys: str) -> None:
        """Press keys together: names of :data:`KEYS` or characters."""
        codes = [KEYS.get(key, key) for key in keys]
        down, up = ([{"type": kind, "value": one} for one in codes] for kind in ("keyDown", "keyUp"))
        self._act({"type": "key", "id": "keys", "actions": [*down, *reversed(up)]})

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        for character in text:
            self.press(character)

    def log_in(self, name: str) -> None:
        """Fill in the form of the login."""
        self.fill("Name", name)
        self.fill("Password", PASSWORD)
        self.press("Enter")

    def resize(self, width: int, height: int) -> None:
        """Give the window a size in CSS pixels, what belongs to the browser included."""
        self.driver.call(Command.RESIZE, x=0, y=0, width=width, height=height)

    def forget(self) -> None:
        """Log out and forget everything that this site has stored."""
        self.driver.call(Command.NAVIGATE, url=f"{self.site}/static/icon.svg")
        self.driver.call(Command.FORGET)
        self.look("localStorage.clear(); sessionStorage.clear();")
        self.driver.call(Command.NAVIGATE, url="about:blank")

    # What a person sees.

    def look(self, script: str, *arguments: Any) -> Any:
        """Return what a script returns: the body of a function, with ``arguments``."""
        return self.driver.call(Command.RUN, script=script, args=list(arguments))

    def see(self, css: str, text: str = "") -> str:
        """Wait until an element can be seen that has this text in it; return its whole text."""
        found = "const one = (() => {" + _FIND + "})(); return one && [one.innerText];"
        words: list[str] = self._do(lambda: self.look(found, css, text), f"{css} with {text!r}")
        return words[0]

    def miss(self, css: str, text: str = "") -> None:
        """Wait until no such element can be seen."""
        self._do(lambda: self._element(_FIND, css, text) is None, f"{css} with {text!r} to be gone")

    def until(self, script: str, *arguments: Any) -> Any:
        """Wait until a script returns something true, and return that."""
        return self._do(lambda: self.look(script, *arguments), script)

    def at(self, path: str) -> None:
        """Wait until this is the address, with what follows the ``#``."""
        self._do(lambda: self.address == path, f"the address {path}")

    @property
    def address(self) -> str:
        """Where the window is, without the site."""
        return str(self.look("return location.href")).removeprefix(self.site)

    def value(self, label: str) -> str:
        """What is in a field, or in no field: empty."""
        return str(self.look("const one = (() => {" + _FIELD + "})(); return one?.value ?? '';", label))

    def focused(self, label: str) -> None:
        """Wait until a field has the focus."""
        self.until("return document.activeElement === (() => {" + _FIELD + "})();", label)

    def picture(self, path: Path) -> None:
        """Save what is in the window."""
        path.write_bytes(base64.b64decode(self.driver.call(Command.PICTURE)))

    def complaints(self) -> list[str]:
        """Return what the site's pages have complained about, and no test expects."""
        self._complaints += self.driver.complaints(self.site)
        return [one for one in self._complaints if not any(text in one for text in self.expected)]

    # How.

    def _do(self, step: Callable[[], Any], what: str) -> Any:
        def attempt() -> Any:
            try:
                self._complaints += self.driver.complaints(self.site)
                return step()
            except Refused as refused:
                if refused.code not in _PASSING:
                    raise
                return None

        return wait_for(attempt, SECONDS, lambda: self._evidence(what), interval_seconds=0.05)

    def _evidence(self, what: str) -> str:
        path = self._pictures / f"{self.driver.name}.png"
        self.picture(path)
        words = self.look("return document.body.innerText")
        return f"{self.driver.name} did not see {what}\n{self.address} ({path}) shows:\n{words}\n{self.complaints()}"

    def _fill(self, label: str, typed: str, value: str) -> None:
        def filled() -> bool:
            element = self._element(_FIELD, label)
            if element is None:
                return False
            self.driver.call(Command.CLEAR, id=element)
            # WebKit's driver types no line breaks.
            self.driver.call(Command.TYPE, id=element, text=typed.replace("\n", KEYS["Enter"]))
            return self.value(label) == value

        self._do(filled, f"the field {label}")

    def _element(self, find: str, *arguments: Any) -> str | None:
        found = self.look(find, *arguments)
        return None if found is None else str(found[ELEMENT])

    def _click(self, find: str, *arguments: Any, centred: bool = False) -> bool:
        element = self._element(find, *arguments)
        if element is None:
            return False
        if centred:
            self.look("arguments[0].scrollIntoView({ block: 'center' });", {ELEMENT: element})
        self.driver.call(Command.CLICK, id=element)
        return True

    def _shift_click(self, css: str, text: str) -> bool:
        element = self.look(_FIND, css, text)
        if element is None:
            return False
        pause = {"type": "pause"}
        shift = [{"type": kind, "value": KEYS["Shift"]} for kind in ("keyDown", "keyUp")]
        move = {"type": "pointerMove", "origin": element, "x": 0, "y": 0}
        button = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        self._act(
            {"type": "key", "id": "keys", "actions": [shift[0], pause, pause, pause, shift[1]]},
            {"type": "pointer", "id": "mouse", "actions": [pause, move, *button, pause]},
        )
        return True

    def _act(self, *sources: dict[str, Any]) -> None:
        self.driver.call(Command.ACT, actions=list(sources))
        self.driver.call(Command.RELEASE)

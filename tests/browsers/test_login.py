"""Logging in and out with a password."""

from __future__ import annotations

import pytest

from tests.browsers.tab import Tab
from tests.support.installation import Installation
from tests.support.relay import Producer

pytestmark = pytest.mark.browser


def test_the_login_leads_to_what_was_asked_for_and_ends(tab: Tab, installation: Installation) -> None:
    producer = Producer(installation.store)
    producer.write(30)
    run = f"/runs/{producer.run_id}"
    tab.open(f"{run}?x=1#L5")
    tab.see("button", "Log in")
    assert tab.address.startswith("/login?next=")
    tab.focused("Name")
    tab.fill("Name", "ann")
    tab.fill("Password", "wrong")
    tab.press("Enter")
    tab.see("[role=alert]", "Name or password is wrong.")
    tab.focused("Password")
    tab.log_in("ann")
    tab.at(f"{run}?x=1#L5")
    tab.see(".account summary", "ann")
    tab.see("#L5.marked", "line 5 of the log")
    tab.see(".connection", "Live")
    # Firefox notes what logging out clears.
    tab.expected.append("Clear-Site-Data header forced the clean up")
    tab.click(".account summary")
    tab.click(".account button", "Log out")
    tab.at("/login")
    tab.open("/")
    tab.at("/login?next=/")


def test_what_somebody_may_not_do_is_not_offered(tab: Tab, installation: Installation) -> None:
    producer = Producer(installation.store)
    producer.write(3)
    tab.open(f"/login?next=/runs/{producer.run_id}")
    tab.log_in("bob")
    tab.see("#L3", "line 3")
    tab.until(
        "return [...document.querySelectorAll('.actions button')]"
        ".find((button) => button.innerText.trim() === 'Cancel')?.disabled"
    )
    producer.end()

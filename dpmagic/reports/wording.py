"""Names of columns and of verdicts as people read them: the page's readers are no programmers."""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z][A-Za-z0-9]*")
_CODE = re.compile(r"[a-z]+(?:[A-Z][a-z]+)+")
_WORD = re.compile(r"GiB|[A-Z]{2,}(?![a-z])|[A-Z]?[^A-Z]+|[A-Z]")
_SHORT = {"n": "number", "rpo": "RPO", "id": "id"}
_KEPT = ("GiB",)
_OF_CODES = ("reason", "status", "verdict", "evidence", "finding", "kind", "change", "rpoSource")


def heading(column: str) -> str:
    """A column's name in words; the names of others, such as tags, as they are.

    >>> heading("medianTimeToRecover"), heading("diskSizeGB"), heading("rpoSource"), heading("n"), heading("tags.Env")
    ('median time to recover', 'disk size GB', 'RPO source', 'number', 'tags.Env')
    """
    if not _NAME.fullmatch(column):
        return column
    words = _WORD.findall(column)
    return " ".join(_SHORT.get(word, word if word in _KEPT or word.isupper() else word.lower()) for word in words)


def spoken(text: str, column: str = "reason") -> str:
    """What a column of verdicts and reasons says in one word that is several; all else as it is.

    >>> spoken("pastExpiry"), spoken("fail"), spoken("its disks move"), spoken("pastExpiry", "name")
    ('past expiry', 'fail', 'its disks move', 'pastExpiry')
    """
    return heading(text) if column in _OF_CODES and _CODE.fullmatch(text) else text

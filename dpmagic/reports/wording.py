"""Names of columns and of verdicts as people read them: the page's readers are no programmers."""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z][A-Za-z0-9]*")
_CODE = re.compile(r"[a-z]+(?:[A-Z][a-z]+)+")
_WORD = re.compile(r"GiB|[A-Z]{2,}(?![a-z])|[A-Z]?[^A-Z]+|[A-Z]")
_SHORT = {"rpo": "RPO", "id": "id"}
_WHOLE = {"n": "how many", "p50": "median", "p90": "90 %", "p95": "95 %", "p99": "99 %", "max": "longest"}
"""Heads that say nothing to who has not read of them: as the charts have them."""
_KEPT = ("GiB",)
_PERIOD, _UNITS = re.compile(r"P(\d+)([DWMY])"), {"D": "day", "W": "week", "M": "month", "Y": "year"}
_OF_CODES = ("reason", "status", "verdict", "evidence", "finding", "kind", "change", "rpoSource")


def heading(column: str) -> str:
    """A column's name in words; the names of others, such as tags, as they are.

    >>> heading("medianTimeToRecover"), heading("diskSizeGB"), heading("rpoSource"), heading("n"), heading("tags.Env")
    ('median time to recover', 'disk size GB', 'RPO source', 'how many', 'tags.Env')
    """
    if column in _WHOLE:
        return _WHOLE[column]
    if not _NAME.fullmatch(column):
        return column
    words = _WORD.findall(column)
    return " ".join(_SHORT.get(word, word if word in _KEPT or word.isupper() else word.lower()) for word in words)


def spoken(text: str, column: str = "reason") -> str:
    """What a column of verdicts and reasons says in one word that is several; all else as it is.

    >>> spoken("pastExpiry"), spoken("fail"), spoken("pastExpiry", "name"), spoken("P3M", "retentionAfter")
    ('past expiry', 'fail', 'pastExpiry', '3 months')
    """
    if column.startswith("retention") and (found := _PERIOD.fullmatch(text)):
        count, unit = int(found[1]), _UNITS[found[2]]
        return f"{count} {unit}{'s' * (count > 1)}"
    return heading(text) if column in _OF_CODES and _CODE.fullmatch(text) else text

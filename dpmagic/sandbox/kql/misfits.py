"""Documents that have something else at a path than the columns of typed rows say: the path is then no column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .model import KustoType
from .typed import Path

#: A datetime's text that reads back as the same instant.
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|\+00:00)", re.ASCII)


def misfits(documents: Iterable[Any], kinds: Mapping[Path, KustoType]) -> set[Path]:
    """The paths at which some document has a value, not null, of another type.

    >>> kinds = {("a",): "long", ("b", "c"): "datetime", ("b", "d"): "bool"}
    >>> sorted(misfits([{"a": 1, "b": {"c": "soon", "d": None}}, {"a": 2.5}], kinds))
    [('a',), ('b', 'c')]
    """
    tree: dict[Any, Any] = {}
    for path in kinds:
        branch = tree
        for step in path:
            branch = branch.setdefault(step, {})
        branch[None] = path  # where a path ends
    found: set[Path] = set()

    def walk(document: Any, branch: dict[Any, Any]) -> None:
        if not isinstance(document, Mapping):
            return
        for name, value in document.items():
            inner = branch.get(name)
            if inner is None or value is None:
                continue
            path = inner.get(None)
            if path is not None and not _FITS[kinds[path]](value):
                found.add(path)
            walk(value, inner)

    for document in documents:
        walk(document, tree)
    return found


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_FITS: dict[KustoType, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "long": _whole,
    "real": lambda value: _whole(value) or isinstance(value, float),
    "bool": lambda value: isinstance(value, bool),
    "datetime": lambda value: isinstance(value, str) and bool(_ISO.fullmatch(value)),
}

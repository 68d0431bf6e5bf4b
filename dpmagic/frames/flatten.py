"""Nested JSON -> named columns of plain Python values.  No pandas here, and no types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count
from typing import Any

FieldPath = tuple[str, ...]
"""Where a value stands in its row: the keys that lead to it.  ``()`` is the row itself."""

Columns = dict[FieldPath, list[Any]]
"""A cell for each row, None where the row has nothing there."""

_NOTHING: dict[str, Any] = {}

# What every ARM object or Resource Graph row has, and nobody looks for first.
_ENVELOPE = (
    *("location", "kind", "managedBy", "sku", "plan", "tags", "identity", "zones", "extendedLocation"),
    *("systemData", "eTag", "etag", "resourceGroup", "subscriptionId", "tenantId", "type", "id"),
)


def flatten(rows: Sequence[Any]) -> Columns:
    """The columns of the rows, in order of first appearance within the object they belong to.

    A list is a value, never spread.  An object spreads into the columns of its fields, unless no row has any field
    in it: then it is a column of its own.  Where some rows have an object and others a plain value, both are kept.

    >>> flatten([{"id": 1, "a": {"b": 2}}, {"a": 3}])
    {('id',): [1, None], ('a',): [None, 3], ('a', 'b'): [2, None]}
    """
    columns: Columns = {}
    if rows:
        spread((), list(rows), columns)
    return columns


def spread(path: FieldPath, cells: list[Any], columns: Columns) -> None:
    """Add to ``columns`` what the cells at ``path`` hold."""
    kinds = set(map(type, cells))
    if not any(issubclass(kind, dict) for kind in kinds):
        columns[path] = cells
        return
    objects = [cell if isinstance(cell, dict) else _NOTHING for cell in cells]
    keys = dict.fromkeys(chain.from_iterable(objects))
    if path and not keys:
        columns[path] = cells
        return
    if not all(issubclass(kind, dict) or kind is type(None) for kind in kinds):
        columns[path] = [None if isinstance(cell, dict) else cell for cell in cells]
    for key in keys:
        spread((*path, key), [cell.get(key) for cell in objects], columns)


def column_names(paths: Iterable[FieldPath]) -> dict[FieldPath, str]:
    """A name for each path, no two alike: dots between the keys, without ARM's ``properties.`` in front.

    A field of ``properties`` keeps the prefix where the row itself has a field of that name, whatever it holds.  A
    key with a dot in it is written as Kusto does, ``tags['a.b']``, where the plain spelling is another column's.
    Values that have no path, a list of texts say, are in ``value``.

    >>> list(column_names([("id",), ("status",), ("properties", "status"), ("properties", "a", "b")]).values())
    ['id', 'status', 'properties.status', 'a.b']
    """
    paths = list(paths)
    top = {path[0] for path in paths if path}
    names: dict[FieldPath, str] = {}
    taken: set[str] = set()
    for path in sorted(paths, key=_claim):
        names[path] = next(name for name in map(_encodable, _candidates(path, top)) if name not in taken)
        taken.add(names[path])
    return {path: names[path] for path in paths}


def _claim(path: FieldPath) -> tuple[bool, bool, bool, FieldPath]:
    """Who chooses first: depends on the paths alone, so that the order of rows changes no name."""
    return not path, any("." in key for key in path), path[:1] == ("properties",), path


def _candidates(path: FieldPath, top: set[str]) -> Iterator[str]:
    if not path:
        yield "value"
        yield from (f"value{number}" for number in count(2))
    if path[0] == "properties" and len(path) > 1 and path[1] not in top:
        yield ".".join(path[1:])
    yield ".".join(path)
    exact = "".join(f"['{key}']" if "." in key or not key else f".{key}" for key in path).removeprefix(".")
    yield exact
    yield from (f"{exact}{json.dumps(path)}{'_' * number}" for number in count())


def _encodable(name: str) -> str:
    # Half of a surrogate pair is in no encoding, and an index of texts holds none; this is how JSON spells it.
    return name.encode(errors="backslashreplace").decode()


def in_order(columns: Iterable[FieldPath]) -> list[FieldPath]:
    """The paths of an ARM object with ``name`` first and the envelope last; any others as they come.

    >>> in_order([("id",), ("name",), ("type",), ("properties", "status"), ("vaultName",)])
    [('name',), ('properties', 'status'), ('vaultName',), ('type',), ('id',)]
    """
    paths = list(columns)
    if not {("id",), ("name",), ("type",)} <= set(paths):
        return paths
    rank = {key: place for place, key in enumerate(_ENVELOPE, 1)} | {"name": -1}
    return sorted(paths, key=lambda path: rank.get(path[0], 0))

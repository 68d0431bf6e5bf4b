"""JSON, or a Resource Graph answer, as a typed DataFrame: one typer for both.

Loading this room loads pandas; import it where it is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import pandas

from dpmagic.errors import InvalidArgument
from dpmagic.frames.dtypes import SAID, typed
from dpmagic.frames.flatten import Columns, FieldPath, column_names, flatten, in_order, spread
from dpmagic.frames.told import Told

__all__ = ["frame", "table_frame"]


def frame(value: Any, *, attrs: Mapping[str, Any] | None = None) -> pandas.DataFrame:
    """Decoded JSON as a plain DataFrame: a row for each element of a list, one row for anything else, none for None.

    Columns are called what Azure calls the fields, in the service's order; of an ARM object the name comes first, and
    what every ARM object has comes last.  A nested object's fields are dotted (``policyInfo.policyId``) and
    ``properties.`` is dropped, except where the row has a field of that name itself (a Resource Graph job has
    ``status`` and ``properties.status``).  Lists stay Python lists; plain values are in the column ``value``; a list of
    lists, as ``--query "[].[name, id]"`` gives, has ``Column1``, ``Column2`` ...

    dtypes are ``datetime64[us, UTC]``, ``timedelta64[us]``, ``str``, ``Int64``, ``Float64``, ``boolean``, and
    ``object`` for lists and for what does not go together; see `dpmagic.frames.times` for what counts as missing.
    A running job's ``duration`` is zero, for that is what the service says; its ``endTime`` is missing.

    ``attrs`` is what to remember of the answer, JSON values only; it becomes ``attrs["dpmagic"]`` and goes into
    Parquet with the rows.  Raises `InvalidArgument` when it is no JSON.

    >>> frame({"name": "v1", "properties": {"storageSettings": [], "secureScore": "None"}}).dtypes.to_dict()
    {'name': <StringDtype(na_value=nan)>, 'storageSettings': dtype('O'), 'secureScore': <StringDtype(na_value=nan)>}
    """
    rows = value if isinstance(value, list) else [] if value is None else [value]
    if any(rows) and all(isinstance(row, list) for row in rows):
        rows = [{f"Column{number}": cell for number, cell in enumerate(row, 1)} for row in rows]
    return _built(flatten(rows), len(rows), attrs)


def table_frame(answer: Mapping[str, Any], *, attrs: Mapping[str, Any] | None = None) -> pandas.DataFrame:
    """A Resource Graph answer in table format, ``{"columns": [{"name": ...}], "rows": [[...]]}``, as `frame` would
    have it from the objects; where a column has no values, and for whole numbers among others, its ``type`` decides.
    Raises `InvalidArgument` when names repeat or a row has another width.

    >>> table_frame({"columns": [{"name": "vaultName"}, {"name": "jobs"}], "rows": [["v1", 3]]})
      vaultName  jobs
    0        v1     3
    """
    names = [column["name"] for column in answer["columns"]]
    rows = answer["rows"]
    if len(set(names)) != len(names) or any(len(row) != len(names) for row in rows):
        raise InvalidArgument(
            "the table's columns and rows do not go together", "ask for resultFormat objectArray instead"
        )
    columns: Columns = {}
    for place, name in enumerate(names):
        # A column at a time: by zip there would be an object for each row, and the garbage collector would look for it.
        spread((name,), list(map(itemgetter(place), rows)), columns)
    said: dict[FieldPath, str] = {
        (column["name"],): SAID[column["type"]] for column in answer["columns"] if column.get("type") in SAID
    }
    return _built(columns, len(rows), attrs, said)


def _built(
    columns: Columns, length: int, attrs: Mapping[str, Any] | None, said: Mapping[FieldPath, str] | None = None
) -> pandas.DataFrame:
    names = column_names(columns)
    index = pandas.RangeIndex(length)
    ordered = {names[path]: typed(path, columns[path], (said or {}).get(path, "")) for path in in_order(columns)}
    made = pandas.DataFrame(ordered, index=index)
    if attrs is not None:
        try:
            made.attrs["dpmagic"] = Told(json.loads(json.dumps(attrs)))
        except (TypeError, ValueError) as error:
            raise InvalidArgument(
                "attrs holds something that is no JSON", "use texts, numbers, lists and dicts"
            ) from error
    return made

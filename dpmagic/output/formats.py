"""``-o``: a value as JSON, YAML, a table or TSV, as az prints it."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from dpmagic.errors import InvalidArgument


def text(value: Any, format: str, *, width: int | None = None) -> str:
    """The value as ``-o format`` prints it, without a newline at the end.

    ``json`` and ``yaml`` sort keys, and ``jsonc`` and ``yamlc`` colour them for a terminal; ``raw`` is JSON in the
    value's own order.  ``table`` is `dpmagic.frames.frame` for a terminal of ``width`` characters, of any width without
    it: unlike az's it has the fields below ``properties``.  ``tsv`` is az's: no header, a list is its length, an object
    is nothing, null in a row is ``None``.  ``none``, and null in ``tsv`` and ``table``, is ``""``.

    Raises `InvalidArgument` for an unknown format.

    >>> print(text({"name": "v1", "id": 1}, "json"))
    {
      "id": 1,
      "name": "v1"
    }
    >>> text([{"b": 1, "a": None}, {"b": [1, 2], "a": True}], "tsv")
    'None\\t1\\nTrue\\t2'
    """
    if format == "table":
        return _table(value, width)
    if format not in _FORMATS:
        raise InvalidArgument(f"no such output format: {format}", f"take one of {', '.join([*_FORMATS, 'table'])}")
    return _FORMATS[format](value).removesuffix("\n")


def as_json(value: Any) -> str:
    return _printed(value, sort_keys=True)


def _printed(value: Any, *, sort_keys: bool) -> str:
    """What ``json`` prints of the value; by way of orjson, which is several times faster, where it prints the same."""
    try:
        import orjson

        if not _scientific(value):
            return orjson.dumps(value, option=orjson.OPT_INDENT_2 | (orjson.OPT_SORT_KEYS if sort_keys else 0)).decode()
    except (ImportError, TypeError):  # not on every platform; and no more than 64 bits, 254 levels, whole surrogates
        pass
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=sort_keys)


def _scientific(value: Any) -> bool:
    """Whether a number in it is written with an exponent, which orjson does in a way of its own."""
    if isinstance(value, dict):
        return any(map(_scientific, value.values()))
    if isinstance(value, list):
        return any(map(_scientific, value))
    return isinstance(value, float) and "e" in repr(value)


def _jsonc(value: Any) -> str:
    return _coloured(as_json(value), "json")


def as_yaml(value: Any) -> str:
    import yaml

    plain = json.loads(json.dumps(value))  # the safe dumper knows dict and no other mapping
    written: str = yaml.safe_dump(plain, default_flow_style=False, allow_unicode=True)
    return written


def _yamlc(value: Any) -> str:
    return _coloured(as_yaml(value), "yaml")


def _coloured(plain: str, language: str) -> str:
    from pygments import formatters, highlight, lexers

    coloured: str = highlight(plain, lexers.get_lexer_by_name(language), formatters.TerminalFormatter())
    return coloured


def _raw(value: Any) -> str:
    return _printed(value, sort_keys=False)


def _tsv(value: Any) -> str:
    rows = value if isinstance(value, list) else [] if value is None else [value]
    return "\n".join(_tsv_row(row) for row in rows)


def _tsv_row(row: Any) -> str:
    if isinstance(row, dict):
        row = list(row.values()) if isinstance(row, OrderedDict) else [row[key] for key in sorted(row)]
    if isinstance(row, list):
        return "\t".join(map(_tsv_cell, row))
    return str(row).lower() if isinstance(row, bool) else _tsv_cell(row)


def _tsv_cell(cell: Any) -> str:
    return str(len(cell)) if isinstance(cell, list) else "" if isinstance(cell, dict) else str(cell)


def _table(value: Any, width: int | None) -> str:
    from dpmagic.frames import frame
    from dpmagic.frames.terminal import terminal_table

    made = frame(value)
    if not any(isinstance(row, dict) for row in (value if isinstance(value, list) else [value])):
        made = made.rename(columns={"value": "Result"})  # as az heads plain values
    return terminal_table(made, width)


def _none(value: Any) -> str:
    return ""


_FORMATS: dict[str, Callable[[Any], str]] = {
    "json": as_json,
    "jsonc": _jsonc,
    "yaml": as_yaml,
    "yamlc": _yamlc,
    "raw": _raw,
    "tsv": _tsv,
    "none": _none,
}

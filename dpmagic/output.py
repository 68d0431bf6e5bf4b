"""What comes of a command's JSON: ``--query``, ``-o`` and ``> file``, the same in a cell, a shell and a script.

In az a result is shaped (`az_json`), then queried, then printed.  `query`, `text` and `write` take the value as it is:
shaping it again would give a ``resourceGroup`` to whatever ``{id: id}`` has picked.
"""

from __future__ import annotations

import json
import operator
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from dpmagic.errors import InvalidArgument, did_you_mean


def query(value: Any, expression: str) -> Any:
    """What the JMESPath ``expression`` picks from ``value``; None where it picks nothing.

    Objects that the expression makes (``{name: name}``) are ordered dicts, for their order is meant: `text` keeps it in
    tables and TSV, as az does.  Raises `InvalidArgument` for a bad expression, with the place in it.

    >>> query([{"name": "v1"}, {"name": "v2"}], "[?name=='v2'].name | [0]")
    'v2'
    """
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(expression, value, options=jmespath.Options(dict_cls=OrderedDict))
    except JMESPathError as error:
        # None: the library's own message can hold the data that it stumbled over.
        raise _bad_query(error, expression) from None


def check_query(expression: str) -> None:
    """Raise what `query` would raise of the expression alone, whatever the value: before anything is sent."""
    import jmespath
    from jmespath.exceptions import JMESPathError
    from jmespath.functions import Functions

    try:
        parsed = jmespath.compile(expression)
    except JMESPathError as error:
        fault = _bad_query(error, expression)
        fault.exit_code = 2  # as in az, to which such a text is a mistake of the command line
        raise fault from None
    called = set(_functions(parsed.parsed))
    if unknown := sorted(called - Functions.FUNCTION_TABLE.keys()):
        hint = did_you_mean(unknown[0], Functions.FUNCTION_TABLE, "functions are listed at jmespath.org")
        raise InvalidArgument(f"--query: Unknown function: {unknown[0]}()", hint)


def _functions(node: Any) -> Iterator[str]:
    """The names of the functions that a parsed expression calls."""
    if node.get("type") == "function_expression":
        yield node["value"]
    for child in node.get("children") or ():
        if isinstance(child, dict):
            yield from _functions(child)


def _where_missing(error: Any) -> str:
    """What to do about a function that stumbles over a field which not every item has; else ``""``."""
    if error.actual_type != "null":
        return ""
    if error.function_name.endswith("_by"):
        default = "''" if "string" in error.expected_types else "`0`"
        return f"give the items without it a value, &not_null(field, {default}), or leave them out first, [?field]"
    return "leave out first what has none, [?field], or give it a value: not_null(field, '')"


def _bad_query(error: Exception, expression: str) -> InvalidArgument:
    from jmespath.exceptions import ArityError, IncompleteExpressionError, JMESPathTypeError, ParseError

    if isinstance(error, JMESPathTypeError):
        takes = " or ".join(error.expected_types)
        return InvalidArgument(
            f"--query: {error.function_name}() takes {takes}, and here gets {error.actual_type}",
            _where_missing(error) or "look at the value without the function first",
        )
    if isinstance(error, ParseError) and not isinstance(error, ArityError):
        ends = isinstance(error, IncompleteExpressionError)
        fault = "ends too early" if ends else f"does not read on from {expression[error.lex_position :][:20]!r}"
        return InvalidArgument(
            f"--query: the expression {fault}, at position {error.lex_position}",
            "texts are in '...', filters in [?name=='x'], picks in [].{name:name}; see jmespath.org",
        )
    return InvalidArgument(f"--query: {str(error).rstrip('.')}", "functions are listed at jmespath.org")


def az_json(value: Any) -> Any:
    """The value as az has it: `with_resource_group`, the keys of every object in alphabetical order."""
    return _sorted(with_resource_group(value))


def with_resource_group(value: Any) -> Any:
    """The value, in which every object with an ARM ``id`` below a resource group has a ``resourceGroup``, last.

    What was given stays as it is; what has no such object in it is given back, not copied.  As in az: an object that
    has the key in any spelling keeps its own, the id of the group itself does not count, and nothing inside
    ``sourceVault`` changes.

    >>> with_resource_group({"id": "/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Compute/disks/d"})
    {'id': '/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Compute/disks/d', 'resourceGroup': 'rg1'}
    """
    if isinstance(value, list):
        items = [with_resource_group(item) if isinstance(item, (dict, list)) else item for item in value]
        return items if any(map(operator.is_not, items, value)) else value
    if not isinstance(value, dict):
        return value
    made = value
    for key, item in value.items():
        # A call for each text and number would be most of the work of a long list.
        if isinstance(item, (dict, list)) and key != "sourceVault":
            shaped = with_resource_group(item)
            if shaped is not item:
                made = dict(value) if made is value else made
                made[key] = shaped
    group = _resource_group(value.get("id"))
    if group is None or any(key.lower() == "resourcegroup" for key in value):
        return made
    return {**made, "resourceGroup": group}


def _resource_group(arm_id: Any) -> str | None:
    parts = arm_id.split("/") if isinstance(arm_id, str) else []
    # "", subscriptions, S, resourceGroups, G, providers, N, T, name
    return parts[4] if len(parts) > 8 and parts[3].lower() == "resourcegroups" else None


def _sorted(value: Any) -> Any:
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return value


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


def _json(value: Any) -> str:
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
    return _coloured(_json(value), "json")


def _yaml(value: Any) -> str:
    import yaml

    plain = json.loads(json.dumps(value))  # the safe dumper knows dict and no other mapping
    written: str = yaml.safe_dump(plain, default_flow_style=False, allow_unicode=True)
    return written


def _yamlc(value: Any) -> str:
    return _coloured(_yaml(value), "yaml")


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
    "json": _json,
    "jsonc": _jsonc,
    "yaml": _yaml,
    "yamlc": _yamlc,
    "raw": _raw,
    "tsv": _tsv,
    "none": _none,
}


def write(value: Any, path: Path) -> str:
    """Write the value, decoded JSON or a DataFrame, to a file and give one line that says so.

    The suffix says how: ``.yaml`` ``.yml``; ``.csv`` ``.tsv`` (with a header) ``.parquet`` ``.xlsx``, a row for each
    row of `dpmagic.frames.frame`; any other, or none, is what ``-o json`` prints and a newline, the same bytes for the
    same value.  A file that is there is replaced whole, or left alone when anything fails.

    Raises `InvalidArgument` when it cannot be written there.
    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv", ".parquet", ".xlsx"):
        data, count, noun = *_rows(value, suffix), "row"
    else:
        value = _plain(value)
        body = (_yaml if suffix in (".yaml", ".yml") else _json)(value).removesuffix("\n") + "\n"
        # Half of a surrogate pair is in no encoding; this is how JSON spells it.
        data, count, noun = body.encode(errors="backslashreplace"), _count(value), "object"
    try:
        _replace(path, data)
    except OSError as error:
        raise _unwritable(path, error) from error
    return f"wrote {path}: {count:,} {noun}{'' if count == 1 else 's'}, {len(data):,} bytes"


def check_file(path: Path) -> None:
    """Raise what `write` would raise of the name alone, before anything is sent whose answer it is to hold."""
    if path.is_dir():
        raise _unwritable(path, IsADirectoryError())
    if not path.parent.is_dir():
        raise _unwritable(path, FileNotFoundError())


def _plain(value: Any) -> Any:
    """A DataFrame as JSON values, anything else as it is; pandas is not loaded to find out."""
    if not hasattr(value, "columns"):
        return value
    from dpmagic.frames.files import records

    return records(value)


def _rows(value: Any, suffix: str) -> tuple[bytes, int]:
    from dpmagic.frames import files, frame, sheets

    made = value if hasattr(value, "columns") else frame(value)
    match suffix:
        case ".parquet":
            return files.parquet_bytes(made), len(made)
        case ".xlsx":
            return sheets.xlsx_bytes(made), len(made)
        case _:
            return files.csv_bytes(made, "\t" if suffix == ".tsv" else ","), len(made)


def _count(value: Any) -> int:
    return len(value) if isinstance(value, list) else int(value is not None)


def _replace(path: Path, data: bytes) -> None:
    """Put ``data`` where ``path`` leads, through a file beside it, so that no reader sees half of it."""
    target = path.resolve()
    if target.exists() and not target.is_file():  # /dev/stdout is written to, never replaced; a folder is an error
        target.write_bytes(data)
        return
    beside = target.with_name(f".{uuid4().hex}.tmp")
    try:
        beside.write_bytes(data)
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> InvalidArgument:
    if isinstance(error, IsADirectoryError):
        return InvalidArgument(f"cannot write {path}: it is a folder", "give the name of a file in it")
    if isinstance(error, FileNotFoundError | NotADirectoryError) and not path.parent.is_dir():
        return InvalidArgument(f"cannot write {path}: there is no folder {path.parent}", "make the folder first")
    reason = (error.strerror or type(error).__name__).lower()
    return InvalidArgument(f"cannot write {path}: {reason}", "give another file or folder")

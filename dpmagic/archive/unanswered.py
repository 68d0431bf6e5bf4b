"""Why a query over an archive has no answer, as one line with what to write instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from dpmagic.archive.dialect import advice
from dpmagic.archive.faults import ArchiveDamaged
from dpmagic.errors import DpmagicError, InvalidArgument, QueryError, did_you_mean
from dpmagic.estate.columns import tables
from dpmagic.graph.refusals import instead
from dpmagic.graph.tokens import operators


def unread(error: Any, kql: str) -> QueryError:
    """What duckdb-kql cannot read, with its line and a caret."""
    first = error.diagnostics[0] if error.diagnostics else None
    told = (first.message if first else str(error)).partition(" expecting ")[0]
    words = [word.text for _, word in operators(kql) if word.text in instead() and word.text not in tables()]
    hint = instead()[words[0]] if words else "look at the text there"
    if first is None or first.span is None:
        return QueryError("ParserFailure", told, hint=hint)
    lines = kql.splitlines() or [""]
    line = lines[min(first.span.line, len(lines)) - 1]
    return QueryError(
        "ParserFailure",
        f"line {first.span.line}, position {first.span.column}: {told}",
        hint=hint,
        line=line,
        caret=" " * first.span.column + "^",
    )


def unsupported(error: Any, names: Sequence[str]) -> DpmagicError:
    """An operator or a function of Kusto's that is not there, or a table that is none of ``names``."""
    if unknown := re.search(r"schema error for '(.+?)' \(unknown table", str(error)):
        return _no_table(unknown[1], names)
    construct = str(getattr(error, "construct", "") or "")
    if not construct:
        return QueryError("InvalidQuery", str(error).splitlines()[0], hint=str(getattr(error, "hint", "") or _ELSE))
    word = construct.rpartition(":")[2]
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", word.removesuffix("Operator")).lower()  # MakeSeriesOperator
    return QueryError("InvalidQuery", f"an archive does not run {name}", hint=advice(name))


_KUSTO = {
    "BOOLEAN": "bool", "VARCHAR": "string", "INTEGER": "int", "BIGINT": "long", "HUGEINT": "long", "DOUBLE": "real",
    "DECIMAL": "real", "TIMESTAMP": "datetime", "TIMESTAMP WITH TIME ZONE": "datetime",
}  # fmt: skip
"""Kusto's names of DuckDB's types; others are nested."""
_TYPES = "docs/tables.md has their columns and types; toint(), todouble(), tostring() and todatetime() convert"
_OF_SPANS = "make numbers of them: (endTime - startTime) / 1s, or durationSeconds"
_ELSE = "use what Resource Graph has, or read the table and go on in pandas"


def refused(error: Exception, kql: str, names: Sequence[str]) -> DpmagicError:
    """What DuckDB refuses; any other error is raised as it is."""
    import duckdb

    told = str(error).splitlines()[0]
    if isinstance(error, duckdb.CatalogException):
        return _no_table(_lacking(told) or kql.strip().split(maxsplit=1)[0], names)
    summed = re.search(
        r"'\+\((BOOLEAN|VARCHAR|INTERVAL), UTINYINT\)'", told
    )  # what additions writes where something is summed
    if summed and summed[1] == "INTERVAL":
        return InvalidArgument("an archive does not bin, average or add timespans", _OF_SPANS)
    if summed:
        told = "The argument value must be summable: a number, timespan or datetime"  # as Kusto's own parser says
        return QueryError("SemanticError", told, hint="countif() counts what is true; tolong() makes numbers of texts")
    if isinstance(error, duckdb.BinderException) and "INTERVAL" not in told:
        if lacking := re.search(r'column "(.+?)" not found', told):
            known = [column.wire for name in names if name in kql for column in tables()[name].columns.values()]
            hint = did_you_mean(lacking[1], known, "see docs/tables.md for the tables' columns")
            return InvalidArgument(f"the query does not fit the tables: no column {lacking[1]!r} is there", hint)
        told = _of_types(told, kql) or told
        return InvalidArgument(f"the query does not fit the tables: {told}", _TYPES)
    if isinstance(error, duckdb.IOException | duckdb.InvalidInputException) and ".parquet" in told:
        return ArchiveDamaged(
            f"the archive's files cannot be read: {told}", "see `dpmagic archive check DIR`; use a copy"
        )
    if "INTERVAL -> TIMESTAMP" in told or "type INTERVAL and" in told:
        return InvalidArgument("an archive does not bin, average or add timespans", _OF_SPANS)
    if isinstance(error, duckdb.Error):
        return InvalidArgument(f"the query could not be run: {told}", "cast dynamic values first, as with tolong()")
    raise error


def _of_types(told: str, kql: str) -> str:
    """What a function or an operator of the query does not take, in Kusto's names of types; "" for any other fault.

    >>> _of_types("No function matches the given name and argument types '+(VARCHAR, BIGINT)'. You might ...", "a + 1")
    '+ does not take string and long'
    >>> _of_types("... name and argument types 'sum(DECIMAL(3,1)[])'", "sum(a)"), _of_types("... cannot be", "a")
    ('sum does not take dynamic', '')
    """
    found = re.search(r"argument types '([^(']+)\((.*)\)'", told)
    if not found or found[1] not in kql:
        return ""
    taken = [_KUSTO.get(re.sub(r"\(\d.*?\)$", "", one), "dynamic") for one in re.split(r", (?![^(]*\))", found[2])]
    return f"{found[1]} does not take {' and '.join(taken)}"


def _no_table(name: str, names: Sequence[str]) -> InvalidArgument:
    hint = did_you_mean(name, names, f"it has: {', '.join(names)}")
    return InvalidArgument(f"the archive has no table {name!r}", hint)


def _lacking(told: str) -> str:
    found = re.search(r"Table with name (\S+) does not exist", told)
    return found[1] if found else ""

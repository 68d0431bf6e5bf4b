"""Stages that make columns of what a column holds: mv-expand, and parse."""

from __future__ import annotations

import dataclasses

from duckdb_kql import ir
from duckdb_kql.schema import disambiguate

from .conversions import Scoped
from .expressions import Typer
from .model import KqlError, KustoType, unsupported
from .stages import Stage, carry, fresh

#: Rows that mv-expand makes of one, unless told, and at most: the documents' older text says 400, the newer 2,000.
_DEFAULT_EXPANDED = 128
_MAX_EXPANDED = 2_000

_EXPANDED: dict[str, KustoType] = {
    "dynamic": "dynamic",
    "string": "string",
    "long": "long",
    "int": "int",
    "real": "real",
    "double": "real",
    "bool": "bool",
    "boolean": "bool",
    "datetime": "datetime",
    "guid": "guid",
}


def mv_expand(operator: ir.MvExpand, scope: dict[str, Scoped], typer: Typer) -> Stage:
    """A row for each element of an array, or each member of a bag."""
    if (operator.limit or 0) > _MAX_EXPANDED:
        raise KqlError("DisallowedMaxMvExpandRowLimit", f"mv-expand may make {_MAX_EXPANDED} rows of one.")
    after = dict(scope)
    before: list[ir.NamedExpr] = []
    targets: list[ir.MvExpandTarget] = []
    for number, target in enumerate(operator.targets):
        name = target.name or target.column
        array = f"mv~{number}"
        before.append(ir.NamedExpr(typer.read(ir.ColumnRef(target.column), "dynamic"), array))
        kind = _EXPANDED.get(target.to_type or "dynamic")
        if kind is None:
            raise unsupported(f"mv-expand to typeof({target.to_type})")
        after[name] = Scoped(fresh(name, after), kind)
        targets.append(ir.MvExpandTarget(array, after[name].internal, target.to_type))
    index = operator.item_index
    if index is not None:
        index = disambiguate(index, list(after))
        after[index] = Scoped(fresh(index, after), "long")
    expanded = dataclasses.replace(
        operator,
        targets=tuple(targets),
        item_index=None if index is None else after[index].internal,
        limit=_DEFAULT_EXPANDED if operator.limit is None else operator.limit,
    )
    stage, shown = carry(after, present={target.name or "" for target in targets})
    return [ir.Extend(tuple(before)), expanded, *stage], shown


def parse(operator: ir.Parse, scope: dict[str, Scoped], typer: Typer) -> Stage:
    """Columns of the parts of a text."""
    after = dict(scope)
    segments = []
    for segment in operator.segments:
        if segment.name is None:
            segments.append(segment)
            continue
        kind = _EXPANDED.get(segment.type or "string")
        if kind is None:
            raise unsupported(f"parse to {segment.type}")
        after[segment.name] = Scoped(fresh(segment.name, after), kind)
        segments.append(dataclasses.replace(segment, name=after[segment.name].internal))
    text = typer.read(operator.expression, "string")
    parsed = dataclasses.replace(operator, expression=text, segments=tuple(segments))
    return [parsed], after

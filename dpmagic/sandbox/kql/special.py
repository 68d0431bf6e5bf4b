"""Functions whose type or SQL depends on more than a signature: ``case``, ``bin``, ``split``, ``pack_all``..."""

from __future__ import annotations

import re
from collections.abc import Callable

from duckdb_kql import ir

from .conversions import NUMBERS, Reader, Typed, call, convert, native, widest
from .model import KustoType, semantic, unsupported

Special = Callable[[Reader, ir.FunctionCall], Typed]

#: ``format_timespan``: microseconds of a unit and how many of it the next larger holds.
_SPAN_UNITS = {
    "d": (86_400_000_000, 1_000_000_000),
    "h": (3_600_000_000, 24),
    "m": (60_000_000, 60),
    "s": (1_000_000, 60),
}
_SPAN_PIECE = re.compile(r"(d+|[hH]+|m+|s+|[fF]+)|([^a-zA-Z]+)|(.)")


def _arguments(node: ir.FunctionCall, *counts: int) -> tuple[ir.Expr, ...]:
    if len(node.args) not in counts:
        wanted = " or ".join(map(str, counts))
        raise semantic(f"{node.name}(): takes {wanted} arguments, not {len(node.args)}.", node.name)
    return node.args


def _branches(reader: Reader, branches: tuple[ir.Expr, ...]) -> tuple[list[ir.Expr], KustoType]:
    typed = [reader.typed(branch) for branch in branches]
    kind = widest(kind for _, kind in typed)
    return [convert(*branch, kind) for branch in typed], kind


def _case(reader: Reader, node: ir.FunctionCall) -> Typed:
    if len(node.args) < 3 or not len(node.args) % 2:
        raise semantic(f"{node.name}(): takes pairs of predicate and value, then a default.", node.name)
    values, kind = _branches(reader, (*node.args[1:-1:2], node.args[-1]))
    args: list[ir.Expr] = []
    for predicate, value in zip(node.args[:-1:2], values, strict=False):
        args += [reader.condition(predicate), value]
    return ir.FunctionCall("case", (*args, values[-1])), kind


def _iff(reader: Reader, node: ir.FunctionCall) -> Typed:
    predicate, *branches = _arguments(node, 3)
    values, kind = _branches(reader, tuple(branches))
    return ir.FunctionCall("iff", (reader.condition(predicate), *values)), kind


def _alike(target: str) -> Special:
    def rewrite(reader: Reader, node: ir.FunctionCall) -> Typed:
        values, kind = _branches(reader, node.args)
        if target == "coalesce" and kind == "string":
            # A Kusto string is never null: the empty one is what coalesce steps over.
            values = [call("unless_empty", value) for value in values]
            return call("filled", call("first", *values)), kind
        return call("first", *values) if target == "coalesce" else ir.FunctionCall(target, tuple(values)), kind

    return rewrite


def _not(reader: Reader, node: ir.FunctionCall) -> Typed:
    (operand,) = _arguments(node, 1)
    return ir.UnaryOp("not", reader.condition(operand)), "bool"


def _bin(reader: Reader, node: ir.FunctionCall) -> Typed:
    value, size = (reader.typed(argument) for argument in _arguments(node, 2))
    if value[1] == "dynamic":
        want: KustoType = "datetime" if size[1] == "timespan" else "real"
        value = (convert(*value, want), want)
    if value[1] == "datetime":
        return call("bin_time", value[0], size[0]), "datetime"
    if value[1] == "timespan":
        return call("bin_span", value[0], size[0]), "timespan"
    if {value[1], size[1]} <= NUMBERS:
        if "real" in (value[1], size[1]):
            return call("bin_real", value[0], size[0]), "real"
        return call("bin_long", convert(*value, "long"), convert(*size, "long")), "long"
    raise semantic(f"{node.name}(): does not take values of types {value[1]} and {size[1]}.", node.name)


def _bin_at(reader: Reader, node: ir.FunctionCall) -> Typed:
    value, size, fixed = _arguments(node, 3)
    shifted = ir.FunctionCall("bin", (ir.BinaryOp("-", value, fixed), size))
    return reader.typed(ir.BinaryOp("+", fixed, shifted))


def _split(reader: Reader, node: ir.FunctionCall) -> Typed:
    text, separator, *index = _arguments(node, 2, 3)
    parts = (reader.read(text, "string"), reader.read(separator, "string"))
    if not index:
        return call("split", *parts), "dynamic"
    return call("pack_array", call("element", *parts, reader.read(index[0], "long"))), "dynamic"


def _replace(reader: Reader, node: ir.FunctionCall) -> Typed:
    """``replace(regex, rewrite, text)``: another order than ``replace_regex(text, regex, rewrite)``."""
    regex, rewrite, text = _arguments(node, 3)
    arguments = (reader.read(text, "string"), regex, reader.read(rewrite, "string"))
    return ir.FunctionCall("replace_regex", arguments), "string"


def _parse_json(reader: Reader, node: ir.FunctionCall) -> Typed:
    value, kind = reader.typed(_arguments(node, 1)[0])
    if kind == "dynamic":
        return call("present", call("parsed", value)), "dynamic"
    if kind != "string":
        return convert(value, kind, "dynamic"), "dynamic"
    return call("present", call("parse_json", value)), "dynamic"


def _conversion(want: KustoType) -> Special:
    def rewrite(reader: Reader, node: ir.FunctionCall) -> Typed:
        value, kind = reader.typed(_arguments(node, 1)[0])
        column = native(value)
        if column is not None and (column[1] == want or {column[1], want} <= NUMBERS):
            value, kind = column
        if kind == "dynamic":
            value, kind = convert(value, kind, "string"), "string"
        if kind == want:
            return value, want
        if want == "timespan":
            return call("totimespan", convert(value, kind, "string")), want
        return ir.FunctionCall({"real": "todouble"}.get(want, f"to{want}"), (value,)), want

    return rewrite


def _null_test(target: str) -> Special:
    def rewrite(reader: Reader, node: ir.FunctionCall) -> Typed:
        value, _ = reader.typed(_arguments(node, 1)[0])
        column = native(value)
        return ir.FunctionCall(target, (column[0] if column else value,)), "bool"

    return rewrite


def _bag_pack(reader: Reader, node: ir.FunctionCall) -> Typed:
    if not node.args or len(node.args) % 2:
        raise semantic(f"{node.name}(): takes pairs of name and value.", node.name)
    want: list[KustoType] = ["string", "dynamic"]
    pairs = [reader.read(arg, want[index % 2]) for index, arg in enumerate(node.args)]
    return call("bag_pack", *pairs), "dynamic"


def _pack_all(reader: Reader, node: ir.FunctionCall) -> Typed:
    """Every column of the input in one bag; ``pack_all(true)`` leaves the empty ones out."""
    pairs: list[ir.Expr] = []
    for name in reader.scope:
        pairs += [ir.Literal(name, "string"), ir.ColumnRef(name)]
    bag, kind = _bag_pack(reader, ir.FunctionCall("bag_pack", tuple(pairs)))
    if node.args and isinstance(node.args[0], ir.Literal) and node.args[0].value is True:
        return call("bag_present", bag), kind
    return bag, kind


def _format_timespan(reader: Reader, node: ir.FunctionCall) -> Typed:
    value, pattern = _arguments(node, 2)
    if not isinstance(pattern, ir.Literal) or pattern.kind != "string":
        raise semantic("format_timespan(): the format is a constant string.", node.name)
    span = reader.read(value, "timespan")
    pieces: list[ir.Expr] = []
    for run, mark, other in _SPAN_PIECE.findall(str(pattern.value)):
        if other:
            raise semantic(f"format_timespan(): no format element '{other}'.", node.name)
        pieces.append(_span_piece(span, run) if run else ir.Literal(mark, "string"))
    missing = ir.FunctionCall("isnull", (span,))
    return ir.FunctionCall("iff", (missing, ir.Literal("", "string"), call("strcat", *pieces))), "string"


def _span_piece(span: ir.Expr, run: str) -> ir.Expr:
    if run[0] in "fF":
        return call("span_fraction", span, ir.Literal(min(len(run), 7), "long"))
    unit, holds = _SPAN_UNITS[run[0].lower()]
    numbers = (ir.Literal(unit, "long"), ir.Literal(holds, "long"), ir.Literal(len(run), "long"))
    return call("span_field", span, *numbers)


def _extract(reader: Reader, node: ir.FunctionCall) -> Typed:
    """``extract(regex, group, text)``, with a type behind it (``typeof(int)``, spelled ``'int'`` by now)."""
    regex, group, text, *type_ = _arguments(node, 3, 4)
    found = call("extract", regex, reader.read(group, "long"), reader.read(text, "string"))
    if not type_ or not isinstance(type_[0], ir.Literal) or type_[0].value == "string":
        return found, "string"
    want = _TYPES.get(str(type_[0].value))
    if want is None:
        raise semantic(f"{node.name}(): no type '{type_[0].value}'.", node.name)
    return convert(found, "string", want), want


def _column_if_exists(reader: Reader, node: ir.FunctionCall) -> Typed:
    name, default = _arguments(node, 2)
    if not isinstance(name, ir.Literal) or name.kind != "string":
        raise semantic(f"{node.name}(): the name is a constant string.", node.name)
    return reader.typed(ir.ColumnRef(str(name.value)) if name.value in reader.scope else default)


def _around(reader: Reader, node: ir.FunctionCall) -> Typed:
    value, center, delta = _arguments(node, 3)
    low, high = ir.BinaryOp("-", center, delta), ir.BinaryOp("+", center, delta)
    return reader.typed(ir.BinaryOp("and", ir.BinaryOp(">=", value, low), ir.BinaryOp("<=", value, high)))


def _range(reader: Reader, node: ir.FunctionCall) -> Typed:
    """An array of whole numbers; Kusto's of reals and times are not run."""
    bounds = [reader.typed(argument) for argument in (*_arguments(node, 2, 3), ir.Literal(1, "long"))[:3]]
    if any(kind not in ("int", "long") for _, kind in bounds):
        raise unsupported("range() of anything but whole numbers")
    return call("range", *(expr for expr, _ in bounds)), "dynamic"


_TYPES: dict[str, KustoType] = {
    "int": "int",
    "long": "long",
    "real": "real",
    "double": "real",
    "bool": "bool",
    "datetime": "datetime",
    "timespan": "timespan",
}

SPECIAL: dict[str, Special] = {
    "extract": _extract,
    "column_ifexists": _column_if_exists,
    "around": _around,
    "range": _range,
    "todecimal": _conversion("real"),
    "case": _case,
    "iff": _iff,
    "coalesce": _alike("coalesce"),
    "max_of": _alike("max_of"),
    "min_of": _alike("min_of"),
    "not": _not,
    "bin": _bin,
    "bin_at": _bin_at,
    "split": _split,
    "replace": _replace,
    "parse_json": _parse_json,
    "bag_pack": _bag_pack,
    "pack_all": _pack_all,
    "format_timespan": _format_timespan,
    "toint": _conversion("int"),
    "tolong": _conversion("long"),
    "todouble": _conversion("real"),
    "toreal": _conversion("real"),
    "tobool": _conversion("bool"),
    "toboolean": _conversion("bool"),
    "todatetime": _conversion("datetime"),
    "totimespan": _conversion("timespan"),
    "isnull": _null_test("isnull"),
    "isnotnull": _null_test("isnotnull"),
    "notnull": _null_test("isnotnull"),
}

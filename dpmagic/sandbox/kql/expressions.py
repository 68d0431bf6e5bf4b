"""Expressions with types: duckdb-kql renders an untyped tree, Resource Graph's KQL is typed.

``Typer`` walks an expression of duckdb-kql's tree, finds the Kusto type of each part from the columns in scope
and writes the conversions that Kusto makes on its own: a dynamic next to a string is read as its text
(``properties.isUserTriggered == 'true'`` holds for the JSON value true, as recorded), next to a number as
a number, next to a datetime as a datetime; ``case`` and ``iff`` of mixed dynamic and string branches are dynamic.
A JSON null counts as null. What has no type in Kusto is refused with a KqlError.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from functools import reduce
from itertools import takewhile
from typing import Any, TypeGuard

from duckdb_kql import ir

from .aggregates import AGGREGATES, SEVERAL
from .conversions import NUMBERS, Scope, Scoped, Shape, Typed, call, convert, shredded, widest
from .functions import ALIASES, FOREIGN_FAMILIES, FOREIGN_FUNCTIONS, PREFIX, SCALARS, TYPES
from .model import KqlError, KustoType, outside_language, semantic, unsupported
from .operands import arithmetic, comparable
from .rarer import NOT_RUN
from .special import SPECIAL

_COMPARISONS = frozenset({"==", "!=", "<>", "<", "<=", ">", ">="})
_DATETIME = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?\s*(Z|[+-]\d{2}:?\d{2})?|\d{1,2}/\d{1,2}/\d{4}.*|\d{4}"
)


Subquery = Callable[[ir.Query, bool], tuple[ir.Query, KustoType]]


class Typer:
    """Types and rewrites the expressions of one operator, given the columns that it reads."""

    def __init__(self, scope: Scope, subquery: Subquery) -> None:
        self.scope = scope
        self.subquery = subquery

    def typed(self, expr: ir.Expr) -> Typed:
        """The expression ready for SQL, and its type."""
        method = _METHODS.get(type(expr))
        if method is None:
            raise unsupported(type(expr).__name__)
        result: Typed = method(self, expr)
        return result

    def read(self, expr: ir.Expr, want: KustoType) -> ir.Expr:
        """The expression brought to a type."""
        return convert(*self.typed(expr), want)

    def condition(self, expr: ir.Expr) -> ir.Expr:
        """A predicate: a bool, or a dynamic read as one. ``where type = 'x'`` is neither."""
        value, kind = self.typed(expr)
        if kind not in ("bool", "dynamic"):
            raise semantic(f"A predicate is of type bool, not {kind}.")
        return convert(value, kind, "bool")

    def scalar(self, expr: ir.Expr, use: str) -> Typed:
        """A key of grouping or joining, which a dynamic cannot be."""
        result = self.typed(expr)
        if result[1] == "dynamic":
            raise semantic(f"{use} is of a 'dynamic' type. Please use an explicit cast, for example tostring().")
        return result

    def _literal(self, node: ir.Literal) -> Typed:
        kind: Any = node.kind
        if kind == "datetime" and node.value is not None and not _DATETIME.fullmatch(str(node.value).strip("'\" ")):
            raise KqlError("ParserFailure", "ParserFailure", token=str(node.value), expected="datetime")
        if kind == "dynamic":
            return call("present", node), "dynamic"
        if kind == "null":
            return call("json_or_null", node), "dynamic"
        return node, "real" if kind == "decimal" else kind

    def _column(self, node: ir.ColumnRef) -> Typed:
        column = self.scope.get(node.name)
        if column is None:
            raise semantic(f"Failed to resolve column or scalar expression named '{node.name}'", token=node.name)
        return ir.ColumnRef(column.internal), column.type

    def _path(self, node: ir.PathAccess) -> Typed:
        base, kind = self.typed(node.base)
        if kind != "dynamic":
            raise semantic(f"A value of type {kind} has no members; only a dynamic has.")
        steps = list(node.steps)
        shred, known = self._shred(node)
        if shred is not None:
            base, steps = shred, steps[known:]
        while steps:
            plain = list(takewhile(_is_plain, steps))
            if plain:
                base, steps = call("present", ir.PathAccess(base, tuple(plain))), steps[len(plain) :]
                continue
            index, kind = self.typed(steps.pop(0).index or ir.Literal(0, "long"))
            if kind in NUMBERS:
                element = ir.PathStep(index=convert(index, kind, "long"))
                base = call("present", ir.PathAccess(base, (element,)))
            else:
                base = call("present", call("member", base, convert(index, kind, "string")))
        return base, "dynamic"

    def members(self, expr: ir.Expr) -> Shape:
        """The members below a path that have columns: what is put under a name, ``extend a = properties.a``, keeps."""
        if isinstance(expr, ir.ColumnRef):
            return self.scope[expr.name].shreds if expr.name in self.scope else {}
        column, names = self._path_of(expr) if isinstance(expr, ir.PathAccess) else (None, ())
        if column is None or not isinstance(expr, ir.PathAccess) or len(names) < len(expr.steps):
            return {}
        below = len(names)
        return {path[below:]: shred for path, shred in column.shreds.items() if path[:below] == names and path[below:]}

    def _shred(self, node: ir.PathAccess) -> tuple[ir.Expr | None, int]:
        """The columns of a shredded member that a path starts with, and of how many steps it is."""
        column, names = self._path_of(node)
        for length in range(len(names), 0, -1):
            if column is not None and names[:length] in column.shreds:
                return shredded(column.shreds[names[:length]]), length
        return None, 0

    def _path_of(self, node: ir.PathAccess) -> tuple[Scoped | None, tuple[str, ...]]:
        """The column that a path starts at, and its steps as far as they are names."""
        column = self.scope.get(node.base.name) if isinstance(node.base, ir.ColumnRef) else None
        return column, tuple(takewhile(bool, (step.name or _constant(step.index) or "" for step in node.steps)))

    def _unary(self, node: ir.UnaryOp) -> Typed:
        if node.op == "not":
            return ir.UnaryOp("not", self.condition(node.operand)), "bool"
        operand, kind = self.typed(node.operand)
        if kind == "dynamic":
            operand, kind = convert(operand, kind, "real"), "real"
        return ir.UnaryOp(node.op, operand), kind

    def _binary(self, node: ir.BinaryOp) -> Typed:
        if node.op in ("and", "or"):
            return ir.BinaryOp(node.op, self.condition(node.left), self.condition(node.right)), "bool"
        if node.op in ("<", "<=", ">", ">=") and _is_strcmp(node.left) and node.right == ir.Literal(0, "long"):
            # Said as it is meant: texts that are made for each row are made once, not twice.
            one, other = (self.read(argument, "string") for argument in node.left.args)
            return ir.BinaryOp(node.op, one, other), "bool"
        if node.op in _COMPARISONS:
            left, right = comparable(self.typed(node.left), self.typed(node.right))
            return ir.BinaryOp(node.op, left, right), "bool"
        if node.op in ("+", "-", "*", "/", "%"):
            return arithmetic(node.op, self.typed(node.left), self.typed(node.right))
        if node.left == ir.ColumnRef("*"):
            return self._anywhere(node), "bool"
        return ir.BinaryOp(node.op, self.read(node.left, "string"), self.read(node.right, "string")), "bool"

    def _anywhere(self, node: ir.BinaryOp) -> ir.Expr:
        """``* has 'x'``: whether any column holds it."""
        tests = [self._binary(dataclasses.replace(node, left=ir.ColumnRef(name)))[0] for name in self.scope]
        return reduce(lambda some, test: ir.BinaryOp("or", some, test), tests)

    def _in(self, node: ir.InList) -> Typed:
        value = self.typed(node.value)
        if node.subquery is not None:
            query, kind = self.subquery(node.subquery, node.case_insensitive or value[1] in ("dynamic", "string"))
            want = "string" if node.case_insensitive or value[1] == "dynamic" else kind
            return dataclasses.replace(node, value=convert(*value, want), subquery=query), "bool"
        items = [self.typed(item) for item in node.items]
        if len(items) == 1 and items[0][1] == "dynamic":
            name = "in_array_ci" if node.case_insensitive else "in_array"
            found = call(name, convert(*value, "string"), items[0][0])
            return (ir.UnaryOp("not", found) if node.negated else found), "bool"
        kinds = [kind for _, kind in items if kind != "dynamic"] or ["string"]
        want = "string" if node.case_insensitive or "string" in kinds else widest(kinds)
        if value[1] == "datetime":
            want = "datetime"
        values = tuple(convert(*item, want) for item in items)
        return dataclasses.replace(node, value=convert(*value, want), items=values), "bool"

    def _has(self, node: ir.HasList) -> Typed:
        value = self.read(node.value, "string")
        if node.subquery is not None:
            return dataclasses.replace(node, value=value, subquery=self.subquery(node.subquery, True)[0]), "bool"
        items = tuple(
            item if isinstance(item, ir.Literal) and item.kind == "dynamic" else self.read(item, "string")
            for item in node.items
        )
        return dataclasses.replace(node, value=value, items=items), "bool"

    def _between(self, node: ir.Between) -> Typed:
        value, low, high = self.typed(node.value), self.typed(node.low), self.typed(node.high)
        kind = low[1] if value[1] == "dynamic" else value[1]
        if kind in NUMBERS:
            kind = widest([kind, low[1], high[1]])
        if kind == "datetime" and high[1] == "timespan":
            high = (ir.BinaryOp("+", convert(*low, "datetime"), high[0]), "datetime")
        above = ir.BinaryOp(">=", convert(*value, kind), convert(*low, kind))
        below = ir.BinaryOp("<=", convert(*value, kind), convert(*high, kind))
        inside = ir.BinaryOp("and", above, below)
        return (ir.UnaryOp("not", inside) if node.negated else inside), "bool"

    def _toscalar(self, node: ir.ToScalar) -> Typed:
        query, kind = self.subquery(node.query, False)
        return ir.ToScalar(query), kind

    def _call(self, node: ir.FunctionCall) -> Typed:
        name = node.name.lower()
        name = ALIASES.get(name, name)
        special = SPECIAL.get(name)
        if special is not None:
            result: Typed = special(self, node)
            return result
        function = SCALARS.get(name)
        if function is None:
            raise _unknown(name, node.name)
        least, most = len(function.required), len(function.required) + len(function.optional)
        if len(node.args) < least - function.repeats or (len(node.args) > most and not function.repeats):
            raise semantic(f"{node.name}(): takes {least} to {most} arguments, not {len(node.args)}.", node.name)
        typed = [self.argument(function.letter(i), arg) for i, arg in enumerate(node.args)]
        kind = typed[0][1] if function.result == "0" else TYPES[function.result]
        args = tuple(arg for arg, _ in typed)
        target = PREFIX + name if function.sql is not None else name
        made = ir.FunctionCall(target, args)
        return (call("present", call("json_or_null", made)) if kind == "dynamic" else made), kind

    def argument(self, letter: str | None, expr: ir.Expr) -> Typed:
        """One argument of a function, read as the signature's letter says."""
        if letter == "k":
            return expr, "string"
        have = self.typed(expr)
        if letter == "x":
            return have
        if letter == "n":
            if have[1] == "dynamic":
                return convert(*have, "real"), "real"
            return have
        if letter in ("v", "j"):
            return convert(*have, "dynamic"), "dynamic"
        want = TYPES[letter or "s"]
        if want == "bool":
            return self.condition(expr), "bool"
        if want == "long" and have[1] in NUMBERS:
            return have
        return convert(*have, want), want


def _constant(index: ir.Expr | None) -> str | None:
    return str(index.value) if isinstance(index, ir.Literal) and index.kind == "string" else None


def _is_strcmp(expr: ir.Expr) -> TypeGuard[ir.FunctionCall]:
    return isinstance(expr, ir.FunctionCall) and expr.name == "strcmp" and len(expr.args) == 2


def _is_plain(step: ir.PathStep) -> bool:
    """Whether duckdb-kql renders the step: a name, a constant place, or a place from the end."""
    return step.index is None or isinstance(step.index, ir.Literal | ir.UnaryOp)


def check_known(spelled: str) -> None:
    """KqlError for a function that is neither a scalar function nor an aggregate."""
    name = ALIASES.get(spelled.lower(), spelled.lower())
    if not any(name in known for known in (SCALARS, SPECIAL, AGGREGATES, SEVERAL)):
        raise _unknown(name, spelled)


def _unknown(name: str, spelled: str) -> KqlError:
    if name in FOREIGN_FUNCTIONS or name.startswith(FOREIGN_FAMILIES):
        return outside_language(spelled)
    if name in AGGREGATES or name in SEVERAL:
        return semantic(f"Aggregate function {spelled}() stands outside summarize.", spelled)
    if name in NOT_RUN:
        return unsupported(spelled)
    return semantic(f"Unknown function: '{spelled}'.", token=spelled)


_METHODS: dict[type, Any] = {
    ir.Literal: Typer._literal,
    ir.ColumnRef: Typer._column,
    ir.PathAccess: Typer._path,
    ir.UnaryOp: Typer._unary,
    ir.BinaryOp: Typer._binary,
    ir.InList: Typer._in,
    ir.HasList: Typer._has,
    ir.Between: Typer._between,
    ir.ToScalar: Typer._toscalar,
    ir.FunctionCall: Typer._call,
}

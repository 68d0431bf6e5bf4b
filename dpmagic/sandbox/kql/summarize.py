"""``summarize``: keys and aggregates typed, named as Kusto names them, and taken apart where one makes several."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from duckdb_kql import ir
from duckdb_kql.translate import naming

from .aggregates import AGGREGATES, SEVERAL, VARIANTS, Aggregate
from .conversions import Scope, Scoped, Typed, call, convert
from .expressions import Typer, check_known
from .functions import ALIASES, PREFIX, TYPES
from .model import KustoType, semantic
from .stages import Stage


@dataclass
class _Plan:
    """What summarize becomes: columns computed before it, its keys and aggregates, and the columns after it."""

    before: list[ir.NamedExpr] = field(default_factory=list)
    by: list[ir.NamedExpr] = field(default_factory=list)
    aggregates: list[ir.NamedExpr] = field(default_factory=list)
    shown: list[tuple[str, KustoType]] = field(default_factory=list)

    def compute(self, expr: ir.Expr) -> ir.ColumnRef:
        """A column before the grouping, since some aggregates take columns alone."""
        name = f"before~{len(self.before)}"
        self.before.append(ir.NamedExpr(expr, name))
        return ir.ColumnRef(name)

    def add(self, name: str, expr: ir.Expr, kind: KustoType) -> None:
        self.aggregates.append(ir.NamedExpr(expr, f"group~{len(self.shown)}"))
        self.shown.append((name, kind))


def summarize(operator: ir.Summarize, scope: Scope, typer: Typer) -> Stage:
    """The stages that do a summarize, and the columns that it leaves: keys first, then aggregates."""
    plan = _Plan()
    explicit = [*operator.by, *(named for named in operator.aggregates if named.name)]
    namer = naming.Namer(naming.declared(explicit, "summarize"), skip=scope)
    for key in operator.by:
        name = namer.name(key)
        expr, kind = typer.scalar(key.expr, f"Summarize group key ('{name}')")
        plan.by.append(ir.NamedExpr(plan.compute(expr), f"group~{len(plan.shown)}"))
        plan.shown.append((name, kind))
    grouped = [name for name, _ in plan.shown]
    for named in operator.aggregates:
        target = _call_name(named.expr)
        if target in SEVERAL or (target == "take_any" and _many(named.expr)):
            _several(plan, namer, named, grouped, typer)
        else:
            _one(plan, namer, named, typer)
    stages: list[ir.Operator] = [ir.Extend(tuple(plan.before))] if plan.before else []
    stages.append(ir.Summarize(tuple(plan.aggregates), tuple(plan.by)))
    after = {name: Scoped(f"group~{index}", kind) for index, (name, kind) in enumerate(plan.shown)}
    return stages, after


def _call_name(expr: ir.Expr) -> str:
    if not isinstance(expr, ir.FunctionCall):
        return ""
    name = expr.name.lower()
    return ALIASES.get(name, name)


def _many(expr: ir.Expr) -> bool:
    return isinstance(expr, ir.FunctionCall) and (len(expr.args) > 1 or isinstance(expr.args[0], ir.Wildcard))


def _one(plan: _Plan, namer: naming.Namer, named: ir.NamedExpr, typer: Typer) -> None:
    if _call_name(named.expr) == "percentiles_array":
        named = _gathered(named)
    name = named.name or _name(named.expr) or namer.positional()
    expr, kind = _aggregated(named.expr, typer)
    if expr is None:
        raise semantic("Each expression of summarize holds an aggregate function.", token="summarize")
    plan.add(namer.take(name), expr, kind)


def _gathered(named: ir.NamedExpr) -> ir.NamedExpr:
    """``percentiles_array(x, 50, 95)``: percentiles in one array."""
    assert isinstance(named.expr, ir.FunctionCall)
    value, *ranks = named.expr.args
    each = tuple(ir.FunctionCall("percentile", (value, rank)) for rank in ranks)
    name = named.name or f"percentiles_{naming.expression_name(value) or ''}"
    return ir.NamedExpr(ir.FunctionCall("pack_array", each), name)


def _name(expr: ir.Expr) -> str | None:
    """Kusto's name for an aggregate, or for a conversion around one: ``sum_x``, ``list_x``, ``count_``."""
    name = _call_name(expr)
    aggregate = AGGREGATES.get(name)
    if aggregate is None or not isinstance(expr, ir.FunctionCall):
        if isinstance(expr, ir.FunctionCall) and name in naming.NAME_PRESERVING and expr.args:
            return _name(expr.args[0])
        return None
    if name in ("count", "countif") or not expr.args:
        return f"{aggregate.prefix}_"
    inner = naming.expression_name(expr.args[0]) or ""
    if name.startswith("take_any"):
        return inner or "any_"
    suffix = f"_{_constant(expr.args[1])}" if name == "percentile" and len(expr.args) > 1 else ""
    return f"{aggregate.prefix}_{inner}{suffix}"


def _constant(expr: ir.Expr) -> int | float:
    if not isinstance(expr, ir.Literal) or not isinstance(expr.value, int | float):
        raise semantic("A percentile and a size are constant numbers.")
    return int(expr.value) if float(expr.value).is_integer() else expr.value


def _aggregated(expr: ir.Expr, typer: Typer) -> tuple[ir.Expr | None, KustoType]:
    """An expression over aggregates: each becomes a column of its own scope, the rest is typed around them."""
    if _call_name(expr) in AGGREGATES and isinstance(expr, ir.FunctionCall):
        return _aggregate(expr, typer)
    found: dict[str, tuple[ir.Expr, KustoType]] = {}
    replaced = _lift(expr, typer, found)
    if not found:
        return None, "dynamic"
    outer = Typer({name: Scoped(name, kind) for name, (_, kind) in found.items()}, typer.subquery)
    typed, kind = outer.typed(replaced)
    return _lower(typed, {name: inner for name, (inner, _) in found.items()}), kind


def _lift(expr: ir.Expr, typer: Typer, found: dict[str, tuple[ir.Expr, KustoType]]) -> ir.Expr:
    """The expression with each aggregate replaced by a column that stands for it."""
    if _call_name(expr) in AGGREGATES and isinstance(expr, ir.FunctionCall):
        name = f"aggregate~{len(found)}"
        found[name] = _aggregate(expr, typer)
        return ir.ColumnRef(name)
    if isinstance(expr, ir.FunctionCall):
        check_known(expr.name)
    if isinstance(expr, ir.ColumnRef):
        raise semantic(f"Column '{expr.name}' stands outside an aggregate function in summarize.", token=expr.name)
    return _rebuilt(expr, lambda part: _lift(part, typer, found))


def _lower(expr: ir.Expr, found: dict[str, ir.Expr]) -> ir.Expr:
    if isinstance(expr, ir.ColumnRef) and expr.name in found:
        return found[expr.name]
    return _rebuilt(expr, lambda part: _lower(part, found))


def _aggregate(expr: ir.FunctionCall, typer: Typer) -> Typed:
    name = _call_name(expr)
    spec = AGGREGATES[name]
    args = list(expr.args)
    limit = args.pop() if len(args) == len(spec.arguments) + 1 and spec.prefix in ("list", "set") else None
    if name == "count" or (name == "dcount" and len(args) == 2):
        args = args[: len(spec.arguments)]
    if len(args) != len(spec.arguments):
        raise semantic(f"{expr.name}(): takes {len(spec.arguments)} arguments, not {len(args)}.", expr.name)
    _summable(name, spec, args, typer)
    typed = [_argument(letter, arg, typer) for letter, arg in zip(spec.arguments, args, strict=True)]
    kind: KustoType = typed[0][1] if spec.result == "0" else TYPES[spec.result]
    target = PREFIX + name
    if typed and (name, typed[0][1]) in VARIANTS:
        spec = VARIANTS[name, typed[0][1]]
        target, kind = f"{PREFIX}{name}_{typed[0][1]}", TYPES[spec.result]
    result: ir.Expr = ir.FunctionCall(target, tuple(arg for arg, _ in typed))
    if name in ("sum", "sumif") and kind in ("int", "long"):
        result, kind = call("long", result), "long"
    if limit is not None:
        last = ir.Literal(int(_constant(limit)) - 1, "long")
        result = ir.FunctionCall("array_slice", (result, ir.Literal(0, "long"), last))
    return result, kind


def _summable(name: str, spec: Aggregate, args: Sequence[ir.Expr], typer: Typer) -> None:
    """Refuse to add up what is no number, in the words of Kusto's own parser; a dynamic is read as one."""
    if name == "percentile" or not (spec.arguments.startswith("n") or name.startswith("binary_all_")):
        return
    kinds = [typer.typed(arg)[1] for arg in args]
    if kinds[0] in ("bool", "string", "guid"):
        if name in ("avg", "avgif"):
            raise semantic(f"The function '{name}' is not compatible with arguments ({', '.join(kinds)})")
        raise semantic("The argument value must be summable: a number, timespan or datetime.")


def _argument(letter: str, expr: ir.Expr, typer: Typer) -> Typed:
    if letter == "n":
        have = typer.typed(expr)
        return (convert(*have, "real"), "real") if have[1] == "dynamic" else have
    return typer.argument(letter, expr)


def _several(plan: _Plan, namer: naming.Namer, named: ir.NamedExpr, grouped: list[str], typer: Typer) -> None:
    expr = named.expr
    assert isinstance(expr, ir.FunctionCall)
    name = _call_name(expr)
    if name == "percentiles":
        for rank in expr.args[1:]:
            _one(plan, namer, ir.NamedExpr(ir.FunctionCall("percentile", (expr.args[0], rank))), typer)
        return
    if len(expr.args) < 2 and name != "take_any":
        raise semantic(f"{expr.name}(): takes an expression to compare and what to return.", expr.name)
    first, rest = (None, expr.args) if name == "take_any" else (expr.args[0], expr.args[1:])
    order: ir.Expr | None = None
    if first is not None:
        wanted, inner = _named(first)
        typed, kind = typer.typed(inner)
        order = plan.compute(typed)
        shown = named.name or wanted or naming.expression_name(inner) or f"{name.removeprefix('arg_')}_"
        plan.add(namer.take(shown), ir.FunctionCall(PREFIX + name.removeprefix("arg_"), (order,)), kind)
    for returned in _returned(rest, first, grouped, typer):
        wanted, inner = _named(returned)
        typed, kind = typer.typed(inner)
        value = plan.compute(typed)
        base = wanted or naming.expression_name(inner) or namer.positional()
        picked = (value,) if order is None else (value, order)
        plan.add(namer.take(base), ir.FunctionCall(f"{PREFIX}{name}", picked), kind)


def _named(expr: ir.Expr) -> tuple[str | None, ir.Expr]:
    """The name given in ``arg_max(t, n = x)``, carried through parsing as ``named('n', x)``."""
    if isinstance(expr, ir.FunctionCall) and expr.name == "named" and isinstance(expr.args[0], ir.Literal):
        return str(expr.args[0].value), expr.args[1]
    return None, expr


def _returned(rest: tuple[ir.Expr, ...], first: ir.Expr | None, grouped: list[str], typer: Typer) -> list[ir.Expr]:
    """What arg_max and take_any return, a star standing for every other column."""
    compared = naming.expression_name(first) if isinstance(first, ir.ColumnRef) else None
    found: list[ir.Expr] = []
    for expr in rest:
        if isinstance(expr, ir.Wildcard):
            found += [ir.ColumnRef(name) for name in typer.scope if name not in (*grouped, compared)]
        else:
            found.append(expr)
    return found


def _rebuilt(expr: ir.Expr, change: Callable[[ir.Expr], ir.Expr]) -> ir.Expr:
    """The expression with each of its own parts changed."""
    match expr:
        case ir.FunctionCall(_, args):
            return dataclasses.replace(expr, args=tuple(map(change, args)))
        case ir.BinaryOp(_, left, right):
            return dataclasses.replace(expr, left=change(left), right=change(right))
        case ir.UnaryOp(_, operand):
            return dataclasses.replace(expr, operand=change(operand))
        case ir.PathAccess(base, _):
            return dataclasses.replace(expr, base=change(base))
    return expr

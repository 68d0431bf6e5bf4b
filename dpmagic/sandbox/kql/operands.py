"""What comparisons and arithmetic make of the types of their two sides."""

from __future__ import annotations

from duckdb_kql import ir

from .conversions import NUMBERS, Typed, call, convert
from .model import semantic


def comparable(left: Typed, right: Typed) -> tuple[ir.Expr, ir.Expr]:
    """Both sides of a comparison, brought to one type."""
    kinds = {left[1], right[1]}
    if kinds == {"dynamic"}:
        raise semantic("Cannot compare values of types dynamic and dynamic. Try adding explicit casts")
    if len(kinds) == 1:
        want = left[1]
    elif "dynamic" in kinds:
        (want,) = kinds - {"dynamic"}
        want = "real" if want in NUMBERS else want
    elif kinds <= NUMBERS:
        return left[0], right[0]
    elif kinds == {"string", "datetime"}:
        want = "datetime"
    elif "bool" in kinds and kinds - {"bool"} <= NUMBERS:
        want = "long"
    elif kinds == {"string", "guid"}:
        want = "string"
    else:
        raise semantic(f"Cannot compare values of types {left[1]} and {right[1]}. Try adding explicit casts")
    return convert(*left, want), convert(*right, want)


def arithmetic(op: str, left: Typed, right: Typed) -> Typed:
    """A sum, difference, product, quotient or rest, and its type."""
    if left[1] == "dynamic":
        left = (convert(*left, "real"), "real")
    if right[1] == "dynamic":
        right = (convert(*right, "real"), "real")
    kinds = (left[1], right[1])
    if set(kinds) <= NUMBERS:
        if "real" in kinds:
            if op == "/":
                return call("divide", left[0], right[0]), "real"
            return ir.BinaryOp(op, convert(*left, "real"), convert(*right, "real")), "real"
        return ir.BinaryOp(op, convert(*left, "long"), convert(*right, "long")), "long"
    return _time_arithmetic(op, left, right)


def _time_arithmetic(op: str, left: Typed, right: Typed) -> Typed:
    plain = ir.BinaryOp(op, left[0], right[0])
    match (left[1], op, right[1]):
        case ("datetime", "-", "datetime") | ("timespan", "+" | "-", "timespan"):
            return plain, "timespan"
        case ("datetime", "+" | "-", "timespan") | ("timespan", "+", "datetime"):
            return plain, "datetime"
        case ("timespan", "/", "timespan"):
            return call("ratio", left[0], right[0]), "real"
        case ("timespan", "/", "int" | "long" | "real"):
            return call("share", left[0], right[0]), "timespan"
        case ("timespan", "*", "int" | "long" | "real"):
            return call("times", left[0], right[0]), "timespan"
        case ("int" | "long" | "real", "*", "timespan"):
            return call("times", right[0], left[0]), "timespan"
    raise semantic(f"Operator '{op}' does not take values of types {left[1]} and {right[1]}.")

"""Plain expressions: names, members, calls, literals and operators; see ``plain``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from duckdb_kql import ir

from .cursor import Cursor, other, text
from .model import words

_OR, _AND, _SUM, _PRODUCT = ("or",), ("and",), ("+", "-"), ("*", "/", "%")
_EQUAL = ("==", "!=", "<>")
_ORDERED = ("<", "<=", ">", ">=")
_TEXTUAL = words(
    "=~ !~ has has_cs contains contains_cs startswith startswith_cs endswith endswith_cs hasprefix hassuffix "
    "!has !has_cs !contains !contains_cs !startswith !startswith_cs !endswith !endswith_cs"
) | {"matches regex"}
#: ``in`` by its spelling: whether it is negated, and whether case is ignored.
_IN = {"in": (False, False), "!in": (True, False), "in~": (False, True), "!in~": (True, True)}
_HAS = {"has_any": False, "has_all": True}
_BETWEEN = {"between": False, "!between": True}
_TYPES = words("real long int datetime")
_CALLS = words("bin count") | _TYPES
_SPAN = re.compile(r"\d+(\.\d+)?[dhms]")
#: One token to the parser, so nothing may stand between.
_LITERAL = re.compile(r"(\w+)\((null|(?<=datetime\()\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,7})?Z?)?)\)")


class Expressions(Cursor):
    """Reads expressions."""

    def expr(self) -> ir.Expr:
        """Any expression; operators bind as in the parser's grammar, the loosest first."""
        return self._chain(_OR, lambda: self._chain(_AND, self._equality))

    def _chain(self, operators: Collection[str], read: Callable[[], ir.Expr]) -> ir.Expr:
        found = read()
        while self.peek.text in operators and self.peek.kind != "string":
            found = ir.BinaryOp(self.next().text, found, read())
        return found

    def _once(self, operators: Collection[str], read: Callable[[], ir.Expr]) -> ir.Expr:
        """Operators that are not chained."""
        found = read()
        if self._operator() in operators:
            found = ir.BinaryOp(self._pass(), found, read())
            if self._operator() in operators:
                other()
        return found

    def _operator(self) -> str:
        """The operator that comes, ``!has`` and ``in~`` being one; "" where none does."""
        token, after = self.peek, self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        if token.kind not in ("word", "mark"):
            return ""
        text = token.text
        if text == "!" and after.kind == "word" and after.start == token.end:
            text, token = text + after.text, after
            after = self._tokens[min(self._at + 2, len(self._tokens) - 1)]
        if text == "matches" and after.text == "regex":
            return "matches regex"
        return text + "~" if text in ("in", "!in") and after.text == "~" and after.start == token.end else text

    def _pass(self) -> str:
        """The operator that comes, which is then behind us."""
        text = self._operator()
        negated = text.startswith("!") and text not in ("!=", "!~")
        self._at += 1 + negated + text.endswith("in~") + (text == "matches regex")
        return text

    def _equality(self) -> ir.Expr:
        found = self._relation()
        operator = self._operator()
        if operator in _EQUAL:
            found = ir.BinaryOp(self._pass(), found, self._relation())
        elif operator in _IN or operator in _HAS:
            self._pass()
            self.want("(")
            items = self.listed(self._path)
            self.want(")")
            found = (
                ir.InList(found, items, *_IN[operator]) if operator in _IN else ir.HasList(found, items, _HAS[operator])
            )
        elif operator in _BETWEEN:
            self._pass()
            self.want("(")
            low = self._path()
            self.want("..")
            found = ir.Between(found, low, self._path(), _BETWEEN[operator])
            self.want(")")
        if self._operator() in (*_EQUAL, *_IN, *_HAS, *_BETWEEN):
            other()
        return found

    def _relation(self) -> ir.Expr:
        return self._once(_ORDERED, self._sum)

    def _sum(self) -> ir.Expr:
        return self._chain(_SUM, lambda: self._chain(_PRODUCT, self._textual))

    def _textual(self) -> ir.Expr:
        return self._once(_TEXTUAL, self._path)

    def _path(self) -> ir.Expr:
        """A value, and members of it."""
        base, steps = self._value(), list[ir.PathStep]()
        while True:
            if self.skip("."):
                steps.append(ir.PathStep(name=self.name()))
                if self.peek.text == "(":
                    other()
            elif self.skip("["):
                index = self.expr()
                text = index.value if isinstance(index, ir.Literal) and index.kind == "string" else None
                steps.append(ir.PathStep(index=index) if text is None else ir.PathStep(name=str(text)))
                self.want("]")
            else:
                break
        if steps and not isinstance(base, ir.ColumnRef | ir.FunctionCall):
            other()
        return ir.PathAccess(base, tuple(steps)) if steps else base

    def _value(self) -> ir.Expr:
        token = self.peek
        if token.kind == "string":
            self._at += 1
            return ir.Literal(text(token.text), "string") if self.peek.kind != "string" else other()
        if token.kind == "number":
            self._at += 1
            return _number(token.text)
        if token.text in ("true", "false"):
            self._at += 1
            return ir.Literal(token.text == "true", "bool")
        if self.skip("("):
            inner = self.expr()
            self.want(")")
            return inner
        if self.skip("-"):
            return self._negative()
        called = self._tokens[self._at + 1].text == "(" if token.kind == "word" else False
        if called and token.text in _CALLS:
            self._at += 1
            return self._call(token.text)
        name = self.name()
        return self._call(name) if called else ir.ColumnRef(name)

    def _negative(self) -> ir.Literal:
        number = _number(self.next().text)
        return ir.Literal(-number.value, number.kind) if isinstance(number.value, int | float) else other()

    def _call(self, name: str) -> ir.Expr:
        """A call, or a literal that looks like one: ``datetime(2026-03-02)``, ``real(null)``."""
        opening = self.next()
        written = _LITERAL.match(self._text, opening.start - len(name))
        if name in _TYPES:
            if written is None or written[1] != name:
                other()
            while self.next().start < written.end() - 1:
                pass
            return ir.Literal(None if written[2] == "null" else written[2], name)
        if name == "count" and self.peek.text != ")":
            other()
        if self.skip(")"):
            return ir.FunctionCall(name)
        arguments = self.listed(self.expr)
        self.want(")")
        return ir.FunctionCall(name, arguments)


def _number(text: str) -> ir.Literal:
    if text.isdecimal():
        return ir.Literal(int(text), "long") if int(text) < 2**63 else other()
    if _SPAN.fullmatch(text):
        return ir.Literal(text, "timespan")
    whole, _, fraction = text.partition(".")
    return ir.Literal(float(text), "real") if whole.isdecimal() and fraction.isdecimal() else other()

"""Plain queries read at once: a table, the operators that reports are made of, and expressions of names and calls.

duckdb-kql's parser takes twenty times as long, and is still the one that says what KQL is: what is not plain here,
and all that is wrong, is left to it, and what is read here comes out as it would from there (the tests compare). But
for one fault of its: it takes the order of a key from all of the key's text, so that ``description asc`` descends.
"""

from __future__ import annotations

from collections.abc import Callable

from duckdb_kql import ir

from .cursor import END, OtherError, other
from .plain_expressions import Expressions


def read(text: str) -> ir.Query | None:
    """The query of a text, as duckdb-kql's ``lower`` gives it; None for one that is not plain.

    >>> read("resources | where type =~ 'a/b' | project id, n = tostring(tags.owner)")
    <Query TableRef | Where | Project>
    >>> read("resources | where type =~ 'a/b' | project id, n = tostring(tags.owner")
    """
    try:
        return _Reader(text).query()
    except OtherError:
        return None


class _Reader(Expressions):
    def query(self) -> ir.Query:
        """The whole text."""
        found = self._pipeline()
        return found if self.peek is END else other()

    def _pipeline(self) -> ir.Query:
        source = ir.TableRef(self.name())
        operators: list[ir.Operator] = []
        while self.skip("|"):
            read = _OPERATORS.get(self.next().text)
            operators += other() if read is None else read(self)
        return ir.Query(source, operators)

    def named(self) -> ir.NamedExpr:
        """``name = expression``, or an expression alone."""
        behind = self._at + (3 if self.peek.text == "[" else 1)
        if [token.text for token in self._tokens[behind : behind + 1]] == ["="]:
            name = self.name()
            self.want("=")
            return ir.NamedExpr(self.expr(), name)
        return ir.NamedExpr(self.expr())

    def where(self) -> list[ir.Operator]:
        return [ir.Where(self.expr())]

    def extend(self) -> list[ir.Operator]:
        return [ir.Extend(self.listed(self.named))]

    def project(self) -> list[ir.Operator]:
        return [ir.Project(self.listed(self.named))]

    def summarize(self) -> list[ir.Operator]:
        made = () if self.peek.text == "by" else self.listed(self.named)
        return [ir.Summarize(made, self.listed(self.named) if self.skip("by") else ())]

    def distinct(self) -> list[ir.Operator]:
        return [ir.Distinct(self.listed(lambda: ir.NamedExpr(ir.ColumnRef(self.name()))))]

    def sort(self) -> list[ir.Operator]:
        self.want("by")
        return [ir.Sort(self.listed(self._key))]

    def top(self) -> list[ir.Operator]:
        count = self._count()
        self.want("by")
        return [ir.Top(count, (self._key(),))]

    def take(self) -> list[ir.Operator]:
        return [ir.Take(self._count())]

    def count(self) -> list[ir.Operator]:
        return [ir.Count()]

    def join(self) -> list[ir.Operator]:
        kind = "innerunique"
        if self.skip("kind"):
            self.want("=")
            kind = self.next().text
        self.want("(")
        right = self._pipeline()
        self.want(")")
        self.want("on")
        keys = self.listed(self.name)
        return [ir.Join(right, tuple(ir.JoinKey(key, key) for key in keys), kind if kind in _KINDS else other())]

    def expand(self) -> list[ir.Operator]:
        """``mv-expand``, which is of a column; another expression becomes one first."""
        targets, made = list[ir.MvExpandTarget](), list[ir.NamedExpr]()
        for one in self.listed(self.named):
            if isinstance(one.expr, ir.ColumnRef):
                targets.append(ir.MvExpandTarget(one.expr.name, one.name))
            else:
                made.append(one)
                targets.append(ir.MvExpandTarget(other() if one.name is None else one.name))
        expanded = ir.MvExpand(tuple(targets))
        return [ir.Extend(tuple(made)), expanded] if made else [expanded]

    def _count(self) -> int:
        token = self.next()
        return int(token.text) if token.kind == "number" and token.text.isdecimal() else other()

    def _key(self) -> ir.SortKey:
        expr = self.expr()
        ascending = self.skip("asc")
        if not ascending:
            self.skip("desc")
        nulls = self.next().text if self.skip("nulls") else None
        if nulls not in (None, "first", "last"):
            other()
        return ir.SortKey(expr, ascending, None if nulls is None else nulls == "first")


_KINDS = frozenset({"inner", "innerunique", "leftouter"})
_OPERATORS: dict[str, Callable[[_Reader], list[ir.Operator]]] = {
    "where": _Reader.where,
    "extend": _Reader.extend,
    "project": _Reader.project,
    "summarize": _Reader.summarize,
    "distinct": _Reader.distinct,
    "order": _Reader.sort,
    "sort": _Reader.sort,
    "top": _Reader.top,
    "take": _Reader.take,
    "limit": _Reader.take,
    "count": _Reader.count,
    "join": _Reader.join,
    "mv-expand": _Reader.expand,
}

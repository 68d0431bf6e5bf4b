"""Resource Graph's KQL on DuckDB: the one door to duckdb-kql 1.1.2 and its dialect layer.

A query goes through six hands: ``text`` (``refusals`` and ``spellings`` that the text shows), duckdb-kql's parser,
``operators`` with ``expressions`` and ``summarize`` (types, names and meaning as Resource Graph has them), ``needs``
(what nobody reads goes), duckdb-kql's renderer, and ``store`` (tables in DuckDB, values back out). Nothing outside
these modules knows duckdb-kql, and neither it nor DuckDB is imported before the first query.

Modelled, not recorded: dcount is exact; datetimes and timespans keep microseconds, the seventh digit is zero;
arithmetic on a dynamic number is real; an order that the query leaves open is by id, else by the scalar columns;
the detail code SemanticError and those for too many joins, unions, legs, mv-expands and expanded rows. Documented,
but in two editions: mv-expand makes at most 400 or 2,000 rows of one (here 2,000), and a second join with a third table
is refused or not (here it is not, but the same table twice is).
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .model import TABLES, Answer, Column, KqlError, semantic, unsupported
from .stand_ins import Apart, ways
from .text import Source
from .tokens import LIMITS, STRINGS
from .typed import TypedRows

if TYPE_CHECKING:
    from .conversions import Shape
    from .parts import Reading
    from .store import Store

__all__ = ["Answer", "Column", "Engine", "KqlError", "Tables", "TypedRows", "iso", "run"]

Rows = Sequence[Mapping[str, Any] | TypedRows]

_KEPT = 1024
#: What may be the name of a table, and what is skipped: comments, strings and members.
_WORD = re.compile(rf"//[^\n]*|{STRINGS}|\.\s*\w+|(?P<word>\w+)", re.DOTALL)
# Of all engines, for a translation is of the text, the tables' names and their columns alone.
_PLANS: OrderedDict[tuple[str, bool, frozenset[str], str], _Plan | None] = OrderedDict()
_PLANNING = threading.Lock()


@dataclass(frozen=True)
class Tables:
    """The known table names (lower-case), what gives the rows of one, and whose rows a query sees.

    ``subscriptions`` are lower-case ids, None for all; rows without a subscription are always seen. ``narrowed`` names
    the tables that ``rows`` itself narrows, and by what: they are loaded again when that changes.
    """

    names: Collection[str]
    rows: Callable[[str], Rows]
    subscriptions: frozenset[str] | None = None
    narrowed: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class _Plan:
    sql: str
    columns: tuple[Column, ...]
    tables: Mapping[str, Reading]
    clocked: bool
    limited: bool
    grouped: bool


def run(query: str, tables: Mapping[str, Rows] | Callable[[str], Rows], now: datetime) -> Answer:
    """Run one query over rows, ``now()`` and ``ago()`` bound to the instant ``now``.

    ``tables`` maps lower-case table names to full records, or is a function from name to records (then all of
    Resource Graph's tables are known). Raises KqlError for what Resource Graph or the sandbox refuses.

    >>> from datetime import UTC
    >>> disks = [{"id": "/d/1", "type": "microsoft.compute/disks", "properties": {"diskSizeGB": 4}}]
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> answer = run("Resources | project gb = properties.diskSizeGB", {"resources": disks}, now)
    >>> answer.columns, answer.rows
    ((Column(name='gb', type='dynamic'),), [(4,)])
    """
    if isinstance(tables, Mapping):
        found = tables
        return Engine().run(query, Tables(found.keys(), lambda name: found[name]), now)
    return Engine().run(query, Tables(TABLES, tables), now)


def iso(instant: datetime) -> str:
    """An instant as Resource Graph writes it: UTC, seven digits, ``Z``."""
    from datetime import UTC

    # Not strftime, whose year 1 is "1".
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "0Z"


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C in the block is KeyboardInterrupt: DuckDB makes an error of its own of it, and forgets what it was."""
    try:
        yield
    except Exception as error:
        if str(error) == "Query interrupted" or "failed: KeyboardInterrupt" in str(error):
            raise KeyboardInterrupt from error
        raise


class Engine:
    """A DuckDB in memory with the tables of the last queries loaded.

    One query at a time: callers from several threads wait for each other.
    """

    def __init__(self) -> None:
        self._store: Store | None = None
        self._lock = threading.Lock()

    def run(self, query: str, tables: Tables, now: datetime, version: object | None = None) -> Answer:
        """Run a query; with a ``version``, tables loaded under an equal version are used again."""
        with self._lock, _interruptible():
            if self._store is None:
                from .store import Store

                self._store = Store()
            known = frozenset(tables.names)
            # Before it is translated, for loading tells which members have columns.
            self._load(_named(query) & known, tables, version)
            plan, apart = self._plan(query, known)
            self._load({*plan.tables} - _named(query), tables, version)  # named otherwise, as in ['resources']
            table = self._store.query(plan.sql, plan.tables, now if plan.clocked else None, apart.values(plan.sql))
        return Answer(plan.columns, table, plan.limited, plan.grouped)

    def _load(self, names: Collection[str], tables: Tables, version: object | None) -> None:
        """Load tables, each narrowed to what the query sees."""
        assert self._store is not None, "run() makes it first"
        for name in sorted(names):
            kept = None if version is None else (version, tables.narrowed.get(name))
            self._store.load(name, tables.rows, kept)
            self._store.narrow(name, None if name in tables.narrowed else tables.subscriptions)

    def _shapes(self, query: str) -> dict[str, Shape]:
        """What a query may read of the members of the tables that it names, where they are columns."""
        assert self._store is not None, "run() makes it first"
        from .parts import narrowed

        return {
            table: narrowed(shape, query)
            for table, shape in sorted(self._store.shapes.items())
            if table in _named(query)
        }

    def _plan(self, query: str, names: frozenset[str]) -> tuple[_Plan, Apart]:
        """The query's translation, and how it was taken apart for it."""
        shapes = self._shapes(query)
        # What is refused, or is not the like for every instant and id, is translated as it is written.
        for apart in ways(query):
            # Who writes a stand-in means what is written, not what it stands for.
            plan = _kept((apart.text, apart.text != query, names, repr(shapes)), apart, shapes)
            if plan is not None:
                return plan, apart
        raise AssertionError("a query is translated, or refused")


@lru_cache(maxsize=_KEPT)
def _named(query: str) -> frozenset[str]:
    """The words of a query, in lower case, that may be names of tables.

    >>> sorted(_named("Resources | where type == 'microsoft.alertsresources/x' or a.alerts == b // resourcechanges"))
    ['a', 'b', 'or', 'resources', 'type', 'where']
    """
    return frozenset(found["word"].lower() for found in _WORD.finditer(query) if found["word"])


def _kept(key: tuple[str, bool, frozenset[str], str], apart: Apart, shapes: Mapping[str, Shape]) -> _Plan | None:
    """The plan of `_of_the_like`, made once for all that ask with this key."""
    with _PLANNING:
        if key not in _PLANS:
            _PLANS[key] = _of_the_like(apart, key[2], shapes)
            if len(_PLANS) > _KEPT:
                _PLANS.popitem(last=False)
        _PLANS.move_to_end(key)
        return _PLANS[key]


def _of_the_like(apart: Apart, names: Collection[str], shapes: Mapping[str, Shape]) -> _Plan | None:
    """The plan of all queries that are the like apart from what was taken out; None when they have no such."""
    if not apart.moments and not apart.ids:
        return translate(apart.text, names, shapes)
    try:
        plan = translate(apart.text, names, shapes)
    except KqlError:
        return None  # the query itself says what is wrong with it
    sql = apart.bound(plan.sql)
    return None if sql is None else replace(plan, sql=sql)


def translate(query: str, names: Collection[str], shapes: Mapping[str, Shape] | None = None) -> _Plan:
    """The SQL of a query over tables of these names; KqlError, with the place in the query, where refused."""
    import duckdb_kql.errors as theirs

    source = Source(query)
    try:
        return _translate(source, names, shapes or {})
    except KqlError as error:
        raise _placed(error, source) from error
    except theirs.KqlSyntaxError as error:
        raise _syntax(error.diagnostics, source) from error
    except theirs.KqlSchemaError as error:
        raise _placed(semantic(str(error.hint or error), error.name), source) from error
    except theirs.KqlUnsupportedError as error:
        if error.construct in LIMITS | {"top"}:
            raise _placed(semantic(f"{error.construct} takes a constant number.", error.construct), source) from error
        raise _placed(unsupported(error.construct), source) from error


def _translate(source: Source, names: Collection[str], shapes: Mapping[str, Shape]) -> _Plan:
    from datetime import UTC

    from duckdb_kql.lower import lower
    from duckdb_kql.translate import clock, to_sql

    from .needs import Needs
    from .operators import Rewriter
    from .parts import Reading
    from .registry import register

    register()
    rewriter, needs = Rewriter(names, shapes), Needs()
    query, scope = rewriter.main(lower(source.rewritten))
    query = needs.pruned(query)
    read = {
        table: Reading(shapes.get(table, {}), types, needs.columns[table]) for table, types in rewriter.used.items()
    }
    # Any instant will do: it only makes now() a parameter, which each run binds.
    with clock(datetime(2000, 1, 1, tzinfo=UTC)) as active:
        sql = to_sql(query, {table: one.names() for table, one in read.items()})
    shown = tuple(Column(name, column.type) for name, column in scope.items())
    return _Plan(str(sql), shown, read, active.used, source.limited, source.grouped)


def _placed(error: KqlError, source: Source) -> KqlError:
    """The error with the place of its token, unless the service gives none."""
    if error.line >= 0 or error.token is None or error.code == "InvalidQueryLanguage":
        return error
    offset = source.find(error.token)
    if offset < 0:
        return error
    line, position = source.locate(offset)
    return KqlError(error.code, error.message, line=line, position=position, token=error.token, expected=error.expected)


def _syntax(diagnostics: Iterable[Any], source: Source) -> KqlError:
    """The parser's first complaint as Resource Graph puts it."""
    first = next(iter(diagnostics))
    offset = source.original(first.span.line, first.span.column)
    line, position = source.locate(offset)
    _, _, expected = first.message.partition("expecting ")
    return KqlError(
        "ParserFailure",
        "ParserFailure",
        line=line,
        position=position,
        token=source.word_at(offset),
        expected=expected.strip("{}").split(",")[0].strip("' ") or None,
    )

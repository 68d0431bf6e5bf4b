"""What changed between two looks at a table, and what a table was at an instant: the arithmetic of states.

A state is stored when it is new, when it has changed, and once more, marked ``gone``, when its thing is not there any
more: by its id alone.  Where both are in one file the last state says ``until`` when instead.  Tables are Arrow's; ids
are compared without case, for Azure spells them in several.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from dpmagic.archive.owners import below, owners
from dpmagic.errors import extra

if TYPE_CHECKING:
    import duckdb
    import pyarrow

AS_OF, GONE, UNTIL = "asOf", "gone", "until"
SLOT = "lun"  # what tells the disks of a machine apart, whose rows all have the machine's id
KEYS = ("id", SLOT, "targetResourceId", "changeType", "timestamp")
"""The columns that tell rows apart, in tables that have them."""
_NEVER = 2**63 - 1
_OF_GONE = ("id", "name", SLOT, "subscriptionId")  # what is kept of what has gone


def engine() -> duckdb.DuckDBPyConnection:
    """A DuckDB session in UTC; what it makes has to be temporary.  Raises `NotInstalled`."""
    made = _database().cursor()
    made.execute("SET TimeZone = 'UTC'")
    # Progress is the observer's to show; where DuckDB shows none it refuses to be told so.
    if made.sql("SELECT current_setting('enable_progress_bar')").fetchall() == [(True,)]:
        made.execute("SET enable_progress_bar = false")
    return made


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """One for the process: beginning it takes longer than most of what is asked of it."""
    with extra("local", "an archive"):
        import duckdb
    return duckdb.connect()


def quoted(names: Iterable[str]) -> str:
    """Column names for SQL, with commas between."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def paths(files: Iterable[object]) -> str:
    """Files for SQL, as a list of their paths."""
    return "[" + ", ".join("'" + str(file).replace("'", "''") + "'" for file in files) + "]"


def changes(
    before: pyarrow.Table,
    after: pyarrow.Table,
    at: datetime,
    readable: Sequence[str] | None,
    unread: Sequence[str] = (),
) -> tuple[pyarrow.Table, pyarrow.Table]:
    """What to store of ``after`` when ``before`` is known, and what is there now.

    The first has the columns of ``after``, `AS_OF` and `GONE`: rows that are new or have another value, and rows of
    ``before`` that are no longer there.  Only what lies in a subscription of ``readable`` (None for all, "" for what
    lies in none) can be gone, and nothing that is below the ids of ``unread``: of the others nobody knows, and they
    stay in the second table as they were.
    """
    import pyarrow
    import pyarrow.compute as pc

    before = widened(before, after.schema)
    absent = before.filter(pc.is_null(_places(before, after)))
    if readable is not None:
        known = pyarrow.array([one.lower() for one in readable], pyarrow.string())
        lost = pc.and_not(pc.is_in(owners(absent), value_set=known), below(absent, unread))
        gone, unseen = absent.filter(lost), absent.filter(pc.invert(lost))
    else:
        gone, unseen = absent, absent.slice(0, 0)
    moved = [(rows, False) for rows in unknown(after, before)] + [(of_gone(gone), True)]
    marked = [rows.append_column(GONE, pyarrow.array([how] * rows.num_rows, pyarrow.bool_())) for rows, how in moved]
    return _dated(ordered(pyarrow.concat_tables(marked)), at), ordered(pyarrow.concat_tables([after, unseen]))


def _keys(rows: pyarrow.Table) -> pyarrow.Array:
    """What tells rows apart: the id without case, and the slot of those that are a machine's disks; of changes without
    an id what changed, how and when."""
    import pyarrow
    import pyarrow.compute as pc

    keys = pc.utf8_lower(rows["id"])
    if keys.null_count and {*KEYS[2:]} <= {*rows.column_names}:
        what, how, when = (rows[name] for name in KEYS[2:])
        instant = pc.cast(pc.cast(when, pyarrow.int64()), pyarrow.string())
        keys = pc.coalesce(keys, pc.binary_join_element_wise(pc.utf8_lower(what), how, instant, " "))
    if SLOT in rows.column_names:
        keys = pc.binary_join_element_wise(keys, pc.fill_null(pc.cast(rows[SLOT], pyarrow.string()), ""), " ")
    return keys.combine_chunks() if isinstance(keys, pyarrow.ChunkedArray) else keys


def _places(rows: pyarrow.Table, known: pyarrow.Table) -> pyarrow.Array:
    """Where ``known`` has each row, by its key; null where it has not."""
    import pyarrow.compute as pc

    return pc.index_in(_keys(rows), value_set=_keys(known))


def ordered(rows: pyarrow.Table) -> pyarrow.Table:
    """The rows by their keys."""
    import pyarrow.compute as pc

    return rows.take(pc.sort_indices(_keys(rows)))


def _firsts(rows: pyarrow.Table) -> pyarrow.Table:
    """The first row of each key."""
    import pyarrow
    import pyarrow.compute as pc

    return rows.filter(pc.equal(_places(rows, rows), pyarrow.array(range(rows.num_rows), pyarrow.int32())))


def _dated(rows: pyarrow.Table, at: datetime) -> pyarrow.Table:
    import pyarrow

    return rows.append_column(AS_OF, pyarrow.array([at] * rows.num_rows, pyarrow.timestamp("us", "UTC")))


def widened(rows: pyarrow.Table, schema: pyarrow.Schema) -> pyarrow.Table:
    """``rows`` in the columns of ``schema``: older rows miss what newer versions know."""
    import pyarrow

    columns: dict[str, Any] = {
        field.name: rows[field.name].cast(field.type)
        if field.name in rows.column_names
        else pyarrow.nulls(rows.num_rows, field.type)
        for field in schema
    }
    return pyarrow.table(columns, schema=schema)


def of_gone(rows: pyarrow.Table) -> pyarrow.Table:
    """With what tells rows apart alone: what else was there nobody asks of what has gone."""
    import pyarrow

    for place, field in enumerate(rows.schema):
        if field.name not in _OF_GONE:
            rows = rows.set_column(place, field, pyarrow.nulls(rows.num_rows, field.type))
    return rows


def folded(states: pyarrow.Table) -> pyarrow.Table:
    """States of one file in the order of their ids; those that say that a thing has gone are folded into those before,
    as their ``until``, where these are there."""
    import pyarrow
    import pyarrow.compute as pc

    states = _until(states)
    key = states.append_column("key", _keys(states)).append_column("present", pc.invert(states[GONE]))
    rows = key.sort_by([("key", "ascending"), (AS_OF, "ascending"), ("present", "ascending")])
    keys, gone = rows["key"].combine_chunks(), rows[GONE].combine_chunks()
    none = pyarrow.array([False], pyarrow.bool_())
    if not len(keys):
        return states
    same = pc.equal(keys.slice(1), keys.slice(0, len(keys) - 1))
    ends = pc.and_(same, pc.and_(gone.slice(1), pc.invert(gone.slice(0, len(gone) - 1))))
    followed, folds = pyarrow.concat_arrays([ends, none]), pyarrow.concat_arrays([none, ends])
    following = pyarrow.concat_arrays([rows[AS_OF].combine_chunks().slice(1), pyarrow.nulls(1, rows[AS_OF].type)])
    until = pc.if_else(followed, following, rows[UNTIL].combine_chunks())
    made = rows.set_column(rows.column_names.index(UNTIL), UNTIL, until).filter(pc.invert(folds))
    return made.drop_columns(["key", "present"])


def _until(states: pyarrow.Table) -> pyarrow.Table:
    """The states with the column ``until``, which those of one run, and of older versions, have not."""
    import pyarrow

    if UNTIL in states.column_names:
        return states
    return states.append_column(UNTIL, pyarrow.nulls(states.num_rows, states[AS_OF].type))


def as_of(
    whole: pyarrow.Table, later: pyarrow.Table, since: datetime | None = None, at: datetime | None = None
) -> pyarrow.Table:
    """A table at an instant, from all that was there ``since`` and the states stored ``later``, up to that instant."""
    import numpy as np
    import pyarrow
    import pyarrow.compute as pc

    places, instants, gone = _told(later, since, at)
    keys = pc.take(_keys(later), places)
    each = pc.dictionary_encode(keys).indices.to_numpy(zero_copy_only=False)
    order = np.lexsort((gone, -instants, each))  # of each the newest first, and what is there before what has gone
    newest = order[np.diff(each[order], prepend=-1) != 0]
    there = widened(later.take(places[newest[~gone[newest]]]), whole.schema)
    kept = whole.filter(pc.is_null(pc.index_in(_keys(whole), value_set=keys)))
    return ordered(pyarrow.concat_tables([kept, there]))


def _told(states: pyarrow.Table, since: datetime | None, at: datetime | None) -> tuple[Any, Any, Any]:
    """The places of the states that tell of the time after one instant and until another, when they came to be, in
    microseconds, and whether they say that a thing had gone by then."""
    import numpy as np
    import pyarrow
    import pyarrow.compute as pc

    def number(moment: datetime | None, otherwise: int) -> int:
        return otherwise if moment is None else int(pyarrow.scalar(moment, states[AS_OF].type).value)

    first, last, never = number(since, -_NEVER), number(at, _NEVER - 1), _NEVER
    came, until = (
        pc.fill_null(pc.cast(_until(states)[name], pyarrow.int64()), never).to_numpy() for name in (AS_OF, UNTIL)
    )
    went = until <= last
    told = np.where(went, until, came)
    places = np.flatnonzero((came <= last) & (told > first))
    return places, told[places], (went | states[GONE].to_numpy())[places]


def unknown(rows: pyarrow.Table, known: pyarrow.Table) -> tuple[pyarrow.Table, pyarrow.Table]:
    """Of ``rows``, those that ``known`` has not, and those that it has with other values; each once, by key."""
    import pyarrow.compute as pc

    rows = ordered(_firsts(rows))
    places = _places(rows, known)
    there = pc.is_valid(places)
    ours = rows.filter(there)
    theirs = widened(known, rows.schema).take(places.filter(there))
    return rows.filter(pc.invert(there)), ours.filter(_differing(ours, theirs))


def _differing(ours: pyarrow.Table, theirs: pyarrow.Table) -> pyarrow.ChunkedArray:
    """Which rows are not the like in the other table; a missing value is like a missing one."""
    import pyarrow
    import pyarrow.compute as pc

    differ: Any = pyarrow.chunked_array([[False] * ours.num_rows], pyarrow.bool_())
    for name in ours.column_names:
        one, other = ours[name], theirs[name]
        like = pc.or_(pc.fill_null(pc.equal(one, other), False), pc.and_(pc.is_null(one), pc.is_null(other)))
        differ = pc.or_(differ, pc.invert(like))
    return differ

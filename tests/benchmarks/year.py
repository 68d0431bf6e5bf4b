"""A year of 3,000 disks at six backups a day, as its nightly collections leave it in an archive.

Each night sees that day's backups, their points, snapshots and changes, and those of a week before gone; what the
service says of every instance has changed, the state of a few disks, and now and then a setting of a vault.  A month is
written at once, in the form that its nights and their compaction give it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas
import pyarrow as pa
import pyarrow.compute as pc

from dpmagic.archive.deltas import AS_OF, GONE, changes, folded, of_gone
from dpmagic.archive.folder import Writer, writing
from dpmagic.archive.forms import to_arrow
from dpmagic.archive.manifest import Part, Run
from dpmagic.archive.routine import without_guids
from dpmagic.estate.columns import table, tables
from dpmagic.estate.estate import Estate
from dpmagic.estate.window import Window
from dpmagic.frames.declared import conform, declared

from .year_tables import COMING, KEPT, OF_A_DAY, STATES

_NIGHT = timedelta(hours=22)  # when it is collected: the day's last backup is over


def month(path: Path, first: datetime, end: datetime, only: Collection[str] = tuple(tables())) -> None:
    """The nights from the day of ``first`` to that before ``end``, as they and a compaction leave them; where only some
    tables are read."""
    days = [first + timedelta(days=number) for number in range((end - first).days)]
    with writing(path, first, create=True) as writer:
        old = [part for part in writer.manifest.parts if part.kind == "latest" and part.table in only]
        begun = bool(writer.manifest.runs)
        added = [*_rows(writer, days, only)]
        for name in only:
            if table(name).time:
                continue
            added.append(_part(writer, name, "whole", STATES[name](days[0]), days[0]))
            later = days if begun else days[1:]
            states = folded(pa.concat_tables([_moved(name, day) for day in later]))
            if states.num_rows:
                added.append(writer.write(name, "states", states, later[0] + _NIGHT, later[-1] + _NIGHT))
            added.append(_part(writer, name, "latest", STATES[name](days[-1]), days[-1]))
        for day in days:
            run = _run(len(writer.manifest.runs) + 1, day, only)
            writer.manifest = writer.manifest.changed([], [], run)
        writer.commit(added, old)


def estate(day: datetime) -> Estate:
    """The estate on the night of a day, with the jobs and the changes of two days: what a collection asks for."""
    both = [day - timedelta(days=1), day]
    given = {name: _typed(name, make(day)) for name, make in STATES.items()}
    given |= {name: pandas.concat([make(one) for one in both], ignore_index=True) for name, make in OF_A_DAY.items()}
    now = day + _NIGHT
    return Estate.of(given, now=now, window=Window(now - timedelta(days=14), now))


def _run(number: int, day: datetime, only: Collection[str]) -> Run:
    scope = {"asked": 4, "answered": 4, "unreadable": []}
    return Run(number, day + _NIGHT, day - timedelta(days=1), "tables", dict.fromkeys(only, 1), scope, {})


def _rows(writer: Writer, days: list[datetime], only: Collection[str]) -> list[Part]:
    parts = []
    for name, make in OF_A_DAY.items():
        if name not in only:
            continue
        time = table(name).time
        rows = without_guids(pa.concat_tables([_arrow(name, make(day)) for day in days]))
        edges = pc.min_max(rows[time]).as_py()
        parts.append(writer.write(name, "rows", rows, edges["min"], edges["max"]))
    return parts


def _part(writer: Writer, name: str, kind: Any, rows: pandas.DataFrame, day: datetime) -> Part:
    return writer.write(name, kind, _arrow(name, rows).sort_by("id"), day + _NIGHT, day + _NIGHT)


def _typed(name: str, rows: pandas.DataFrame) -> pandas.DataFrame:
    dtypes = table(name).dtypes
    lacking = declared([], {one: dtypes[one] for one in dtypes if one not in rows})
    return conform(rows.join(lacking)[[*dtypes]], dtypes)


def _marked(rows: pa.Table, day: datetime, gone: bool) -> pa.Table:
    rows = of_gone(rows) if gone else rows
    made = rows.append_column(GONE, pa.array([gone] * rows.num_rows, pa.bool_()))
    return made.append_column(AS_OF, pa.array([day + _NIGHT] * rows.num_rows, pa.timestamp("us", "UTC")))


def _moved(name: str, day: datetime) -> pa.Table:
    """What a night stores of a table: rows that are new or another, and rows that have gone."""
    if name in COMING:
        then = day - timedelta(days=KEPT)
        return pa.concat_tables([_marked(_came(name, one), day, one is then) for one in (day, then)])
    before, after = (_arrow(name, STATES[name](one)) for one in (day - timedelta(days=1), day))
    return changes(before, after, day + _NIGHT, None)[0]


@lru_cache(3 * KEPT)
def _came(name: str, day: datetime) -> pa.Table:
    return _arrow(name, COMING[name](day))


def _arrow(name: str, rows: pandas.DataFrame) -> pa.Table:
    return to_arrow(_typed(name, rows))

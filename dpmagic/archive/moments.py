"""When an archive's tables changed in some of their columns: the only instants at which an answer from them can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dpmagic.archive.deltas import AS_OF, GONE, UNTIL, engine, paths, quoted
from dpmagic.archive.manifest import Manifest, Part

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moments(
    path: Path, manifest: Manifest, needs: Mapping[str, Iterable[str]], start: datetime, end: datetime
) -> list[datetime]:
    """The runs after ``start`` and until ``end`` that saw another value in these columns, by table, than runs before;
    in order.  A few more than that may be among them: those of which only the whole is kept."""
    found: set[datetime] = set()
    for name, columns in needs.items():
        found.update(part.first for part in manifest.of(name, "whole"))
        found |= _changes(path, manifest.of(name, "states"), columns)
    return sorted(one for one in found if start < one <= end)


def _changes(path: Path, parts: list[Part], columns: Iterable[str]) -> set[datetime]:
    if not parts:
        return set()
    stored = f"read_parquet({paths(path / part.file for part in parts)}, union_by_name = true)"
    with engine() as sql:
        have = [row[0] for row in sql.execute(f"DESCRIBE SELECT * FROM {stored}").fetchall()]
        wanted, at = quoted([name for name in columns if name in have]), quoted([AS_OF])
        if UNTIL in have:
            went = f"SELECT id, {UNTIL} AS {at}, true AS {GONE} FROM {stored} WHERE {UNTIL} IS NOT NULL"
            stored = f"(SELECT * FROM {stored} UNION ALL BY NAME {went})"
        rows = sql.execute(
            f"SELECT DISTINCT epoch_us({at}) FROM (SELECT {at}, {GONE}, hash({wanted}) AS held,"
            f" lag(held) OVER each AS before, lag({GONE}) OVER each AS away FROM {stored}"
            f" WINDOW each AS (PARTITION BY lower(id) ORDER BY {at}, {GONE} DESC))"
            f" WHERE {GONE} OR away OR held IS DISTINCT FROM before"
        ).fetchall()
    return {_EPOCH + timedelta(microseconds=row[0]) for row in rows}

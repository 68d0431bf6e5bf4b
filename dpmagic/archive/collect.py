"""Adding to an archive what the estate is now: each job once, and each state when it changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpmagic.analysis.backups.keys import FINISHED, among
from dpmagic.archive.answered import known, vanished
from dpmagic.archive.compact import merge, read_parts, read_sound
from dpmagic.archive.deltas import changes, unknown
from dpmagic.archive.fitting import chosen, fits
from dpmagic.archive.folder import Writer, writing
from dpmagic.archive.forms import to_arrow
from dpmagic.archive.manifest import Part, Run
from dpmagic.archive.routine import without_guids
from dpmagic.archive.spans import REMEMBERED, spans, with_corrected
from dpmagic.errors import AzureError
from dpmagic.estate.columns import tables
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate
from dpmagic.estate.reading import LARGE, Wanted, ahead
from dpmagic.estate.window import Window
from dpmagic.progress import Observer, Silent

if TYPE_CHECKING:
    import pandas
    import pyarrow


@dataclass
class _Collection:
    """What one run has gathered so far; none of it counts before it is committed."""

    writer: Writer
    estate: Estate
    spans: dict[str, list[Window]]
    since_told: bool
    added: list[Part] = field(default_factory=list)
    removed: list[Part] = field(default_factory=list)
    told: dict[str, dict[str, int]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    unread: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def known(self) -> set[str]:
        """The subscriptions that the archive has known until now."""
        return known(self.writer)

    @property
    def left(self) -> list[str]:
        """Those that this run is not asked for."""
        return sorted(self.known - {one.lower() for one in self.estate.source.scope.asked})

    @property
    def readable(self) -> list[str]:
        """The subscriptions of which the run knows what is not there any more; "" for what lies in none.

        What lies above subscriptions is seen from each of them: who reads them all knows when it is gone.
        """
        scope = self.estate.source.scope
        return [*scope.readable, *([] if scope.unreadable or self.left else [""])]

    @property
    def since(self) -> dict[str, datetime]:
        """From when on all jobs, and all changes, are asked for, where they are."""
        return {name: windows[-1].start for name, windows in self.spans.items()}


def collect(
    estate: Estate,
    directory: str | Path,
    *,
    since: Any = None,
    only: Iterable[str] | None = None,
    recovery_points: bool = True,
    observer: Observer | None = None,
) -> pandas.DataFrame:
    """Add what the estate is now, and the jobs since the last run, to the archive in ``directory``; made when new.

    ``since`` is how far back jobs and changes are asked for; without it from a day before the last run that read the
    table on, and at most the 14 days that Azure remembers.  Jobs that had not ended by the last run are asked for
    again, and so is, without ``since``, every day of which Azure remembers more jobs, or others by status, duration or
    the length of what errors say, than were stored: some it corrects late.  ``only`` are the tables to read, with the
    subscriptions: ``["jobs"]`` each night, all of them on Mondays; the archive then says on which days it did not see
    the others.  ``recovery_points``
    cost a call for each instance.  Running it again adds nothing but the run itself.

    Returns a row a table: ``table``, ``read`` (rows of the estate), ``new``, ``changed`` and ``gone`` (rows stored of
    each), ``missing`` (why the table could not be read, None where it was).  ``attrs["dpmagic"]`` has the run;
    ``unread``, by table, the ids of what takes a call each and could not be read; and ``vanished``, the subscriptions
    that answered within the last 14 days and are not among those asked.

    What Azure refuses is left out and said; what was archived of it stays.  How things are in a subscription that
    cannot be read, or was not asked for 36 hours, is not shown until it answers again.  Raises `NotAnArchive`,
    `ArchiveHeld`, and `InvalidArgument` when the archive is of another target or already reaches beyond the estate's
    instant; nothing has then been added.
    """
    path, watch = Path(directory).expanduser(), observer or Silent()
    names = chosen(estate, only, recovery_points)
    with writing(path, estate.now, create=True) as writer:
        fits(writer, estate)
        work = _Collection(writer, estate, spans(writer, estate, since, names), since is not None)
        _every_table(work, names, watch)
        run = _run(work)
        writer.commit(work.added, work.removed, run)
        merge(writer, estate.now)
    return _summary(work, run)


def _every_table(work: _Collection, names: Sequence[str], watch: Observer) -> None:
    try:
        watch.stage("collecting tables")
        refused = _refused(work, names)
        for name in names:
            table = tables()[name]
            watch.stage(f"collecting {name}")
            try:
                if name in refused:
                    raise refused[name]
                rows = _began(work, name) if table.time else work.estate.table(name)
            except AzureError as error:
                work.missing[name] = error.message
                continue
            if table.time:
                _happened(work, name, table.time, rows)
            else:
                _turned(work, name, rows)
    finally:
        watch.done()


def _refused(work: _Collection, names: Sequence[str]) -> dict[str, AzureError]:
    """Have the estate read the tables at once, of the large ones jobs; those of them that Azure refuses, and why."""
    refused: dict[str, AzureError] = {}
    if "jobs" in names and not work.since_told:
        try:
            work.spans["jobs"] = with_corrected(work.writer, work.estate, work.spans["jobs"])
        except AzureError as error:
            refused["jobs"] = error
    # Pages of several large tables would take memory beside what is stored: each of the others comes in its turn.
    asked = [name for name in names if name not in refused and (name == "jobs" or name not in LARGE)]
    wanted = [Wanted(name, span) for name in asked for span in work.spans.get(name, [work.estate.window])]
    for one, why in ahead(work.estate, wanted):
        refused.setdefault(one.name, why)
    return refused


def _began(work: _Collection, name: str) -> pandas.DataFrame:
    import pandas

    read = [work.estate.over(span).table(name) for span in work.spans[name]]
    return pandas.concat([rows for rows in read[:-1] if len(rows)] + read[-1:], ignore_index=True)


def _happened(work: _Collection, name: str, time: str, rows: pandas.DataFrame) -> None:
    """Store what has ended and is not stored; keep a list of the jobs that go on."""
    going_on = rows["endTime"].isna() if "endTime" in rows else rows[time].isna()
    if "status" in rows:
        going_on |= rows["status"].notna() & ~among(rows["status"], FINISHED)
    ended, running = without_guids(to_arrow(rows[~going_on])), to_arrow(rows[going_on])
    known = without_guids(_known(work.writer, name, work.spans[name], ended))
    new, other = unknown(ended, known)
    _add(work, name, "rows", new, time)
    _add(work, name, "rows", other, time, again=True)
    work.told[name] = {"read": len(rows), "new": new.num_rows, "changed": other.num_rows, "gone": 0}
    if name == "jobs":
        _going_on(work, running, ended, time)


def _known(writer: Writer, name: str, asked: Sequence[Window], like: pyarrow.Table) -> pyarrow.Table:
    time = tables()[name].time
    parts = [
        part
        for part in writer.manifest.of(name, "rows")
        if any(part.first < span.end and part.last >= span.start for span in asked)
    ]
    between = [[(time, ">=", span.start), (time, "<", span.end)] for span in asked]
    return read_parts(writer.path, parts, filters=between) if parts else like.slice(0, 0)


def _going_on(work: _Collection, running: pyarrow.Table, ended: pyarrow.Table, time: str) -> None:
    """Jobs that run, and those that ran when last seen and are not visible any more."""
    import pyarrow

    old = work.writer.manifest.of("jobs", "latest")
    kept = running
    if old:
        before = read_sound(work.writer.path, old)
        seen = pyarrow.concat_tables([running, ended])
        lost, _ = unknown(before, seen)
        kept = pyarrow.concat_tables([running, lost.cast(running.schema)]) if lost.num_rows else running
        if unknown(kept, before)[0].num_rows == 0 and kept.num_rows == before.num_rows:
            return
    work.removed += old
    _add(work, "jobs", "latest", kept, time)


def _turned(work: _Collection, name: str, rows: pandas.DataFrame) -> None:
    """Store the states that changed since the last run; the first time, and each month, all of them."""
    at, writer = work.estate.now, work.writer
    unread = work.unread[name] = list(rows.attrs.get(KEY, {}).get("unread", ()))
    after, latest = to_arrow(rows), writer.manifest.of(name, "latest")
    if not latest:
        _state(work, name, after, [], whole=True)
        work.told[name] = {"read": len(rows), "new": after.num_rows, "changed": 0, "gone": 0}
        return
    before = read_sound(writer.path, latest)
    whole = not any(f"{part.first:%Y-%m}" == f"{at:%Y-%m}" for part in writer.manifest.of(name, "whole"))
    work.told[name] = {"read": len(rows), "new": 0, "changed": 0, "gone": 0}
    if _same(before, after):
        if whole:
            _state(work, name, before, latest, whole=True)
        return
    moved, there = changes(before, after, at, work.readable, unread)
    gone = sum(moved["gone"].to_pylist())
    fresh = unknown(after, before)[0].num_rows
    work.told[name] |= {"new": fresh, "changed": moved.num_rows - gone - fresh, "gone": gone}
    if moved.num_rows:
        work.added.append(writer.write(name, "states", moved, at, at))
    if moved.num_rows or whole:
        _state(work, name, there, latest, whole=whole)


def _same(before: pyarrow.Table, after: pyarrow.Table) -> bool:
    """Whether nothing at all has changed, which is quickly seen, and so for most tables on most nights."""
    if before.schema != after.schema or before.num_rows != after.num_rows:
        return False
    return bool(before.sort_by("id").equals(after.sort_by("id")))


def _state(work: _Collection, name: str, rows: pyarrow.Table, old: Sequence[Part], *, whole: bool) -> None:
    at = work.estate.now
    for kind in ("latest", "whole") if whole else ("latest",):
        work.added.append(work.writer.write(name, kind, rows, at, at))
    work.removed += old


def _add(work: _Collection, name: str, kind: Any, rows: pyarrow.Table, time: str, *, again: bool = False) -> None:
    """These rows as a part; of what happened one a month: merging that has all versions of its rows."""
    import pyarrow.compute as pc

    if not rows.num_rows:
        return
    months = pc.strftime(rows[time], "%Y-%m")
    for month in sorted(pc.unique(months).to_pylist()) if kind == "rows" else [None]:
        some = rows if month is None else rows.filter(pc.equal(months, month))
        edges = pc.min_max(some[time]).as_py()
        work.added.append(work.writer.write(name, kind, some, edges["min"], edges["max"], again=again))


def _run(work: _Collection) -> Run:
    scope = work.estate.source.scope
    return Run(
        number=len(work.writer.manifest.runs) + 1,
        at=work.estate.now,
        since=min(work.since.values(), default=work.estate.now - REMEMBERED),
        since_of=work.since,
        target=work.estate.source.target,
        rows={name: told["new"] + told["changed"] + told["gone"] for name, told in work.told.items()},
        subscriptions={
            "asked": len(scope.asked),
            "answered": len(scope.readable),
            "unreadable": list(scope.unreadable),
            "left": work.left,
            "new": sorted({one.lower() for one in scope.readable} - work.known),
        },
        missing=work.missing,
    )


def _summary(work: _Collection, run: Run) -> pandas.DataFrame:
    import pandas

    rows = [{"table": name, **told, "missing": None} for name, told in work.told.items()]
    rows += [
        {"table": name, "read": 0, "new": 0, "changed": 0, "gone": 0, "missing": why}
        for name, why in work.missing.items()
    ]
    made = pandas.DataFrame(rows, columns=["table", "read", "new", "changed", "gone", "missing"])
    made = made.astype({"table": "str", "missing": "str", **dict.fromkeys(("read", "new", "changed", "gone"), "Int64")})
    made.attrs["dpmagic"] = {
        "run": run.number,
        "at": run.at.isoformat(),
        "since": run.since.isoformat(),
        "target": run.target,
        "subscriptions": dict(run.subscriptions),
        "unread": {name: ids for name, ids in work.unread.items() if ids},
        "vanished": vanished(work.writer.manifest.runs),
    }
    return made

"""Which subscriptions an archive knows of answered its runs: of the others nothing is known from then on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from dpmagic.archive.compact import read_parts
from dpmagic.archive.folder import Writer
from dpmagic.archive.manifest import Run, never_seen

STALE = timedelta(hours=36)
"""How long what was seen of a subscription stands though later runs were not asked for it: a night and a half, so that
two runs of a night may read a half of the estate each."""

NEWS = timedelta(days=14)
"""For how long it is said of a subscription that it is not seen any more."""


def known(writer: Writer) -> set[str]:
    """The subscriptions that the archive knows of, in lower case."""
    parts = writer.manifest.of("subscriptions", "latest")
    if not parts:
        return set()
    rows = read_parts(writer.path, parts, columns=["id", "subscriptionId"])
    return {one.lower() for one in rows["subscriptionId"].to_pylist() if one}


def silent(run: Run) -> set[str]:
    """Those that a run knew of and that did not answer it: they could not be read, or it was not asked for them."""
    return {one.lower() for name in ("unreadable", "left") for one in run.subscriptions.get(name, ())}


def answers(runs: Sequence[Run], one: str) -> list[Run]:
    """The runs that a subscription answered, by its id in lower case."""
    came = next((place for place, run in enumerate(runs) if one in run.subscriptions.get("new", ())), 0)
    return [run for run in runs[came:] if one not in silent(run)]


def answered(runs: Sequence[Run], ids: Iterable[str]) -> Iterator[Sequence[Run]]:
    """The runs that each of these subscriptions answered; once for all those, mostly many, that answered every run."""
    some = set().union(*map(silent, runs), *(run.subscriptions.get("new", ()) for run in runs[1:]))
    those = set(ids)
    if those - some:
        yield runs
    yield from (answers(runs, one) for one in those & some)


def vanished(runs: Sequence[Run]) -> list[str]:
    """Those that the last run was not asked for, and that answered one of the 14 days before."""
    left, at = runs[-1].subscriptions.get("left", ()), runs[-1].at
    return [one for one in left if any(at - run.at < NEWS for run in answers(runs, one))]


def lost(runs: Sequence[Run], ids: Iterable[str], now: datetime) -> list[str]:
    """Of these subscriptions, those of which nobody knows how they are: the last run of ``runs`` could not read them,
    or was not asked for them, as were none for so long as `STALE`."""
    unreadable = {one.lower() for one in runs[-1].subscriptions["unreadable"]}
    left = silent(runs[-1]) - unreadable
    old = {one for one in left if not any(now - run.at < STALE for run in answers(runs, one))}
    return [one for one in ids if one.lower() in unreadable | old]


def unseen(runs: Sequence[Run], start: datetime, end: datetime, table: str) -> list[tuple[str, datetime, datetime]]:
    """The subscriptions, and spans of [start, end), whose jobs, or changes, no run has asked for, though others' some
    did: they could not be read for so long that Azure had forgotten them, or cannot be read still."""
    whole = never_seen([run for run in runs if run.read(table)], start, end, table)
    found = []
    for one in sorted(set().union(*map(silent, runs))):
        mine = [run for run in answers(runs, one) if run.read(table)]
        since = max(start, mine[0].asked(table)) if mine else end
        spans = never_seen(mine, since, end, table) if since < end else []
        found += [(one, *span) for span in spans if not any(a <= span[0] and span[1] <= b for a, b in whole)]
    return found

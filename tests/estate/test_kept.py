"""What was read is not read again, and some columns or part of a window are those of the whole."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pandas.testing import assert_frame_equal

from dpmagic.archive.collect import collect
from dpmagic.archive.opening import open_archive
from dpmagic.connection import Connection
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from dpmagic.estate.columns import table

SOME = ["status", "backupInstanceId", "duration"]
ALWAYS = ["id", "subscriptionId", "startTime"]


def anew(live: Estate) -> Estate:
    """The same estate, of which nothing was read."""
    return Estate(live.source, live.now, live.window)


@pytest.fixture
def asked(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The bodies that are sent to Resource Graph."""
    bodies: list[str] = []
    send = connection.transport.send

    def noted(request: Any, **options: Any) -> Any:
        if "Microsoft.ResourceGraph" in request.url:
            bodies.append(str(request.content))
        return send(request, **options)

    monkeypatch.setattr(connection.transport, "send", noted)
    return bodies


def test_only_these_columns_are_asked_for(live: Estate, asked: list[str]) -> None:
    fresh = anew(live)
    asked.clear()
    made = fresh.table("jobs", SOME)
    assert all(
        "project id, subscriptionId, backupInstanceId, status, startTime, durationSeconds" in one for one in asked
    )
    assert list(made) == ["backupInstanceId", "status", "duration"]  # in the table's order
    assert_frame_equal(made, live.jobs()[list(made)])
    assert made.attrs["dpmagic"] == live.jobs().attrs["dpmagic"] | {"kql": made.attrs["dpmagic"]["kql"]}
    asked.clear()
    assert_frame_equal(fresh.table("jobs", ALWAYS), live.jobs()[ALWAYS])
    assert not asked


def test_what_spends_quota_is_read_twice_at_most(live: Estate, asked: list[str]) -> None:
    fresh = anew(live)
    fresh.table("jobs", SOME)
    asked.clear()
    assert list(fresh.table("jobs", ["policyName"])) == ["policyName"]
    assert asked
    asked.clear()
    assert_frame_equal(fresh.jobs(), live.jobs())
    assert not asked


def test_a_wider_window_answers_for_a_narrower_one(live: Estate, asked: list[str]) -> None:
    fresh = anew(live)
    wider = fresh.over((fresh.window.start, fresh.now + timedelta.resolution))
    assert len(wider.jobs()) > len(live.jobs())
    asked.clear()
    day = ("2026-02-20", "2026-02-21")
    alone = live.over(day).jobs()
    assert alone.attrs["dpmagic"]["rows"] == len(alone) > 0
    asked.clear()
    made = fresh.over(day).jobs()
    assert not asked
    assert_frame_equal(made.sort_values("id", ignore_index=True), alone.sort_values("id", ignore_index=True))
    assert made.attrs["dpmagic"] == alone.attrs["dpmagic"] | {"kql": wider.jobs().attrs["dpmagic"]["kql"]}
    assert fresh.over(day).completeness["tables"]["jobs"]["rows"] == len(alone)
    assert fresh.over(day).table("jobs", SOME).attrs == made.attrs


def test_a_window_that_begins_before_azure_remembers_says_so_for_itself_alone(live: Estate) -> None:
    fresh = anew(live)
    early = fresh.over((live.window.start - timedelta(days=3), live.window.end)).table("jobs", SOME)
    assert early.attrs["dpmagic"]["notes"] == ["jobs are kept for 14 days, and the window begins before that"]
    later = fresh.over(("2026-02-20", "2026-02-21")).table("jobs", SOME)
    assert later.attrs["dpmagic"]["notes"] == []


def test_saved_and_archived_tables_have_the_same_columns(live: Estate, tmp_path: Path) -> None:
    saved = Estate.load(live.save(tmp_path / "saved", ["jobs", "snapshots", "subscriptions", "virtual_machines"]))
    collect(live, tmp_path / "archive")
    archived = open_archive(tmp_path / "archive", window=live.window)
    for name, columns in (("jobs", SOME), ("snapshots", ["name", "tags", "timeCreated"])):
        want = live.table(name)
        for kept in (saved, archived):
            made = kept.table(name, [*columns, "id"]).sort_values("id", ignore_index=True)
            assert_frame_equal(made, want.sort_values("id", ignore_index=True)[list(made)])
            more = kept.table(name, ["id", "resourceGroup"]).sort_values("id", ignore_index=True)
            assert_frame_equal(more, want.sort_values("id", ignore_index=True)[list(more)])
            assert set(columns) < set(kept.kept.of(name)[0].columns or ())  # those of both, and not all
            assert set(kept.kept.of(name)[0].columns or ()) < set(table(name).columns)
        assert list(archived.table(name)) == list(want)


def test_an_unknown_column_is_refused(live: Estate) -> None:
    with pytest.raises(InvalidArgument, match="the table jobs has no column 'statis'") as caught:
        live.table("jobs", ["statis"])
    assert "did you mean status" in caught.value.hint


def test_what_several_questions_build_upon_is_made_once(live: Estate) -> None:
    made: list[Any] = []

    def count(estate: Estate, least: Any) -> int:
        made.append(least)
        return len(estate.jobs())

    fresh = Estate(live.source, live.now, live.window, live.kept)
    assert fresh.once(count, 1) == fresh.once(count, 1) == len(live.jobs())
    day = fresh.over(("2026-02-20", "2026-02-21"))
    assert day.once(count, 1) == len(day.jobs()) < len(live.jobs())
    assert made == [1, 1]
    fresh.once(count, [2])
    fresh.once(count, [2])
    assert made == [1, 1, [2], [2]]

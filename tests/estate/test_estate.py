"""An estate of given tables: what time it is there, its window, what is missing and what is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas
import pytest

import dpmagic
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate, Window
from dpmagic.estate.columns import tables
from dpmagic.estate.opening import open_live
from dpmagic.estate.source import estate_of
from tests.canned import canned_connection

NOW = datetime(2026, 3, 16, 8, 30, tzinfo=UTC)


def jobs(*starts: str, **more: Any) -> pandas.DataFrame:
    return pandas.DataFrame({"id": [f"j{n}" for n in range(len(starts))], "startTime": list(starts), **more})


JOBS = jobs("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-15T23:59:59.999999Z", "2026-03-16T00:00:00Z")


def test_a_table_is_typed_and_of_the_window() -> None:
    estate = Estate.of({"jobs": JOBS}, now=NOW, window="14d")
    made = estate.jobs()
    assert list(made["id"]) == ["j1", "j2"]
    assert made.dtypes.astype(str).to_dict() == {"id": "str", "startTime": "datetime64[us, UTC]"}
    assert made.attrs["dpmagic"] | {"subscriptions": None} == {
        "table": "jobs",
        "target": "tables",
        "at": "2026-03-16T08:30:00.000000Z",
        "window": ["2026-03-02T00:00:00Z", "2026-03-16T00:00:00Z"],
        "subscriptions": None,
        "rows": 2,
        "of": 2,
        "oldest": "2026-03-02T00:00:00.000000Z",
        "since": None,
        "kql": "",
        "notes": [],
        "unread": [],
    }


def test_without_window_and_now_all_jobs_that_are_there() -> None:
    estate = Estate.of({"jobs": JOBS})
    assert estate.now == datetime(2026, 3, 16, tzinfo=UTC)
    assert len(estate.jobs()) == 4
    ended = Estate.of({"jobs": jobs("2026-03-01T00:00:00Z", endTime=["2026-03-01T01:00:00Z"])})
    assert ended.now == datetime(2026, 3, 1, 1, tzinfo=UTC)


def test_tables_of_an_estate_keep_its_now_and_window() -> None:
    first = Estate.of({"jobs": JOBS}, now=NOW, window="14d")
    again = Estate.of({"jobs": first.jobs()})
    assert (again.now, again.window) == (first.now, first.window)
    pandas.testing.assert_frame_equal(again.jobs(), first.jobs())


def test_the_end_of_a_window_is_now_when_nothing_else_says_so() -> None:
    assert Estate.of({}, window=("2026-03-01", "2026-03-02")).now == datetime(2026, 3, 2, tzinfo=UTC)


def test_an_estate_shows_where_it_asks_and_of_when() -> None:
    window = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    estate = Estate.of({"jobs": pandas.DataFrame()}, now="2026-03-02T08:00Z", window=window)
    assert repr(estate) == f"Estate(tables, now=2026-03-02T08:00:00Z, window={window!r})"


def test_over_another_window_is_another_estate() -> None:
    estate = Estate.of({"jobs": JOBS}, now=NOW, window="14d")
    assert list(estate.over(("2026-03-16", NOW)).jobs()["id"]) == ["j3"]
    assert len(estate.jobs()) == 2


def test_changes_to_a_table_are_nobody_elses() -> None:
    estate = Estate.of({"jobs": JOBS}, now=NOW, window="14d")
    made = estate.jobs()
    made["id"] = "changed"
    made.attrs["dpmagic"]["rows"] = 0
    assert list(estate.jobs()["id"]) == ["j1", "j2"]
    assert estate.jobs().attrs["dpmagic"]["rows"] == 2
    assert list(JOBS["id"]) == ["j0", "j1", "j2", "j3"] and not JOBS.attrs


def test_completeness_of_several_tables() -> None:
    subscriptions = pandas.DataFrame({"subscriptionId": ["A", "b"]})
    estate = Estate.of({"subscriptions": subscriptions, "jobs": JOBS.assign(subscriptionId="a")}, now=NOW, window="14d")
    assert estate.completeness["subscriptions"] == {
        "asked": ["A", "b"],
        "answered": ["A", "b"],
        "unreadable": [],
        "empty": [],
    }
    assert estate.jobs().attrs["dpmagic"]["subscriptions"]["empty"] == ["b"]
    assert estate.completeness["subscriptions"]["empty"] == ["b"]
    assert estate.completeness["tables"]["jobs"]["rows"] == 2


@pytest.mark.parametrize("given", [JOBS, {"jobs": JOBS}, Estate.of({"jobs": JOBS})])
def test_an_analysis_takes_a_frame_tables_or_an_estate(given: Any) -> None:
    assert len(estate_of(given, "jobs", needs={"jobs": ["id", "startTime"]}).jobs()) == 4
    assert len(estate_of(given, "jobs", window=("2026-03-01", "2026-03-02")).jobs()) == 1


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        (
            lambda: estate_of(JOBS, "jobs", needs={"jobs": ["statTime", "status"]}),
            "the table jobs has no column statTime, status",
            "did you mean startTime? it has: id, startTime",
        ),
        (
            lambda: estate_of(JOBS, "jobs", needs={"policies": ["id"]}),
            "the table policies is missing",
            "there are: jobs; it needs policies too",
        ),
        (lambda: estate_of(3, "jobs"), "int is no estate and no table", "give what dpmagic.open"),
        (lambda: Estate.of({"job": JOBS}), "there is no table 'job'", "did you mean jobs?"),
        (lambda: Estate.of({"jobs": [1]}), "table 'jobs' is list, not a DataFrame", ""),  # type: ignore[dict-item]
        (lambda: Estate.of({"jobs": JOBS}).disks(), "there is no table 'disks' here", "there are: jobs"),
        (lambda: Estate.of({"jobs": JOBS}).table("jops"), "there is no table 'jops'", "did you mean jobs?"),
        (lambda: Estate.of({"disks": JOBS}), "the tables do not say when they were read", "now="),
        (lambda: Estate.of({"jobs": jobs("noon")}), "column startTime does not hold times", ""),
        (
            lambda: Estate.of({"jobs": JOBS.assign(id=None)}, now=NOW),
            f"{len(JOBS)} of {len(JOBS)} rows of jobs have no id",
            "dropna",
        ),
        (
            lambda: Estate.of({"jobs": JOBS.assign(id="a")}, now=NOW),
            "3 of 4 rows of jobs have the id of another",
            "drop_d",
        ),
        (lambda: dpmagic.open(".", subscriptions="a"), "subscriptions is for a connection", "leave it out"),
        (lambda: dpmagic.open(at="2026-03-01"), "at is for an archive", "dpmagic.open(FOLDER, at=...)"),
        (lambda: open_live(canned_connection([])[0], subscriptions=3), "names are text or a list", "names or ids"),  # type: ignore[arg-type]
        (lambda: Estate.of({"jobs": JOBS}).query("resources"), "tables answer no query", "dpmagic.open"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(wrong: Callable[[], Any], message: str, hint: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        wrong()
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert len(caught.value.lines()) <= 2


@pytest.mark.parametrize(
    ("given", "start", "end"),
    [
        ("1d", "2026-03-15", "2026-03-16"),
        ("2w", "2026-03-02", "2026-03-16"),
        ("36h", "2026-03-14T20:30Z", "2026-03-16T08:30Z"),
        (timedelta(days=3), "2026-03-13", "2026-03-16"),
        (timedelta(minutes=30), "2026-03-16T08:00Z", "2026-03-16T08:30Z"),
        (["2026-03-01", pandas.Timestamp("2026-03-02", tz="Europe/Berlin")], "2026-03-01", "2026-03-01T23:00Z"),
    ],
)
def test_windows(given: Any, start: str, end: str) -> None:
    assert Window.of(given, NOW) == Window.of((start, end), NOW)


NO_WINDOWS = [
    *("14", "d", "0d", "-3d", "", 14, None, timedelta(0), timedelta(days=900_000)),
    *(("2026-03-02", "2026-03-01"), ("2026-03-02",), ("x", "y"), ("2026-03-01", "2026-03-01")),
    (datetime(2026, 3, 1), NOW),
]


@pytest.mark.parametrize("given", NO_WINDOWS)
def test_no_windows(given: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Window.of(given, NOW)
    assert caught.value.hint


def test_each_table_has_a_method_that_tells_its_columns() -> None:
    for name, known in tables().items():
        told = getattr(Estate, name).__doc__
        assert all(f"    {column} " in told for column in known.columns), name


def test_the_public_names_are_there() -> None:
    assert all(getattr(dpmagic, name) is not None for name in dpmagic.__all__)
    assert set(dpmagic.__all__) <= set(dir(dpmagic))
    with pytest.raises(AttributeError, match=r"no attribute 'nothing'$"):
        dpmagic.nothing  # type: ignore[attr-defined] # noqa: B018
    with pytest.raises(AttributeError, match=r"there are connect_azure, connect_endpoint, connect_sandbox$"):
        dpmagic.connect  # type: ignore[attr-defined] # noqa: B018

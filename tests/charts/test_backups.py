"""Charts of recovery points: what is in them, what is not, large, empty and wrong frames."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

import dpmagic
from dpmagic import charts
from dpmagic.charts.style import MOST, picture
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from tests.analysis.byhand import estate, instance, job, nightly, snapshot

DAYS = [str(day) for day in range(16, 29)]
ANALYSES = ("retention_points", "rpo", "snapshot_headroom", "triage")


@pytest.fixture(scope="module")
def small() -> Estate:
    """``a`` is fine but for a snapshot that is gone and one too many; ``b`` fails; ``c`` has no point."""
    rows = [instance(name) for name in ("a", "b", "c $x$")]
    ran = [*nightly("a", *DAYS, "3-01"), *nightly("b", *DAYS[:9]), *nightly("b", "3-01", status="Failed")]
    made = [snapshot("a", f"{day} 22:01:05") for day in ("18", *DAYS[7:10], *DAYS[11:], "3-01")]
    return estate(
        rows, [*ran, job("c $x$", "20 22:00", status="Failed")], snapshots=[*made, snapshot("b", "24 22:01:05")]
    )


def texts(drawn: Axes) -> list[str]:
    return [text.get_text() for text in drawn.texts]


def names(drawn: Axes) -> list[str]:
    return [label.get_text() for label in drawn.get_yticklabels()]


def caption(drawn: Axes) -> str:
    return texts(drawn)[-1].replace("\n", " ")


def answer(small: Estate, analysis: str) -> pd.DataFrame:
    found: pd.DataFrame = getattr(dpmagic, analysis)(small)
    return found


def test_points_are_marks_and_missing_ones_are_hollow(small: Estate) -> None:
    drawn = charts.retention_points(answer(small, "retention_points"))
    marks = [one for one in drawn.collections if isinstance(one, PathCollection)]
    filled, hollow, crossed = (len(one.get_offsets()) for one in marks[:3])
    assert (filled, hollow, crossed) == (8, 2, 1)  # one missing of each; one of the eight is too many
    assert names(drawn) == ["a", "b"]
    assert drawn.get_xlabel() == "created (UTC)"
    assert "sandbox" not in caption(drawn)
    assert "read from snapshots" in caption(drawn)


def test_ages_are_counted_by_status(small: Estate) -> None:
    frame = answer(small, "rpo")
    drawn = charts.rpo(frame)
    _, labels = drawn.get_legend_handles_labels()
    assert labels == ["within its RPO (1)", "older than its RPO (1)"]
    assert sum(bar.get_height() for bar in drawn.patches) == 2  # type: ignore[attr-defined] # a histogram's bars
    assert "without a point: 1" in caption(drawn)
    assert "logarithmic" in drawn.get_xlabel()


def test_snapshots_stand_against_the_limit(small: Estate) -> None:
    frame = answer(small, "snapshot_headroom")
    drawn = charts.snapshot_headroom(frame)
    assert names(drawn) == ["a", "b", r"c \$x\$"]
    assert texts(drawn)[:3] == ["7", "1", "0"]
    assert "limits: 500 snapshots a disk" in caption(drawn)
    filling = frame.assign(daysUntilFull=[0.2, 72.4, 4000.0])
    assert texts(charts.snapshot_headroom(filling))[:3] == ["7, full within a day", "1, full in 72 d", "0"]


def test_what_to_look_at_first(small: Estate) -> None:
    drawn = charts.triage(answer(small, "triage"))
    assert names(drawn) == [r"c \$x\$", "b"]
    assert texts(drawn)[:2] == ["no point, InternalServerError", "5.4 d, InternalServerError"]
    assert drawn.get_xlabel() == "age of the newest recovery point (days)"


def test_nothing_to_look_at_is_not_taken_for_well(small: Estate) -> None:
    told = answer(small, "triage").attrs["dpmagic"]
    unread = {"asked": ["a", "b"], "answered": ["a"], "unreadable": ["b"], "empty": []}
    for more, said in (
        ({}, "nothing: every backup is fine"),
        ({"tables": {"instances": {"rows": 0}}}, "no instances"),
        ({"subscriptions": unread}, "nothing: every backup is fine in what could be read: 1 of 2 subscriptions"),
    ):
        nothing = answer(small, "triage").iloc[0:0]
        nothing.attrs = {"dpmagic": told | more}
        assert texts(charts.triage(nothing))[0].startswith(said)


@pytest.mark.parametrize("analysis", ANALYSES)
def test_empty_frames_say_so(small: Estate, analysis: str) -> None:
    frame = answer(small, analysis)
    nothing = frame.iloc[0:0]
    nothing.attrs = frame.attrs
    drawn = getattr(charts, analysis)(nothing)
    assert not drawn.patches
    assert texts(drawn)[0].startswith("no")
    assert picture(drawn).startswith(b"\x89PNG")


@pytest.mark.parametrize("analysis", ANALYSES)
def test_thousands_of_rows(small: Estate, analysis: str) -> None:
    one = answer(small, analysis)
    many = pd.concat([one.assign(id=one["id"] + str(place), name=one["name"] + str(place)) for place in range(1500)])
    many.attrs = one.attrs
    drawn = getattr(charts, analysis)(many.reset_index(drop=True))
    if analysis != "rpo":
        # These disks all have room: of such no more are shown than make it ten.
        assert len(names(drawn)) == (10 if analysis == "snapshot_headroom" else MOST)
        assert "not shown" in caption(drawn)
    assert len(picture(drawn)) > 10_000


def test_of_disks_that_fill_up_as_many_are_shown_as_can_be_read(small: Estate) -> None:
    one = answer(small, "snapshot_headroom")
    many = pd.concat([one.assign(name=one["name"] + str(place), snapshots=300) for place in range(1500)])
    many.attrs = one.attrs
    assert len(names(charts.snapshot_headroom(many.reset_index(drop=True)))) == MOST


@pytest.mark.parametrize("analysis", ANALYSES)
def test_another_frame_is_refused(analysis: str) -> None:
    with pytest.raises(InvalidArgument, match="the frame has no column") as caught:
        getattr(charts, analysis)(pd.DataFrame({"a": [1]}))
    assert caught.value.hint == f"give what dpmagic.{analysis} gives; it has a"


def test_an_axes_is_drawn_on(small: Estate) -> None:
    from matplotlib.figure import Figure

    drawn: Any = Figure().add_subplot()
    assert charts.triage(answer(small, "triage").assign(age=timedelta(hours=3)), drawn) is drawn

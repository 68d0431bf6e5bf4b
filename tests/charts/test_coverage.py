"""The charts of coverage: every disk is in a bar, large and empty frames can be read, wrong ones are refused."""

from __future__ import annotations

from typing import Any

import pandas
import pytest
from matplotlib.axes import Axes

from dpmagic import charts, coverage, coverage_gaps
from dpmagic.charts.style import MOST
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from tests.analysis.disks_by_hand import NOW, disk, disk_id, estate, instance


@pytest.fixture(scope="module")
def small() -> Estate:
    rows = [disk("fine"), disk("stop", diskSizeGB=512), disk("never", in_group="rg $x$"), disk("out", diskSizeGB=64)]
    instances = [instance("fine"), instance("stop", state="ProtectionStopped")]
    return Estate.of(estate(disks=rows, instances=instances), now=NOW, window="14d")


EXCLUDE: dict[str, Any] = {"exclude": disk_id("out")}


def lengths(drawn: Axes) -> dict[str, float]:
    """By part of the stack, the length of all of its bars."""
    handles, names = drawn.get_legend_handles_labels()
    return {
        name: sum(bar.get_width() for bar in handle.patches)  # type: ignore[attr-defined] # a container of bars
        for handle, name in zip(handles, names, strict=True)
    }


def texts(drawn: Axes) -> list[str]:
    return [text.get_text() for text in drawn.texts]


@pytest.mark.parametrize(("unit", "total"), [("disks", [1, 1, 1, 1]), ("GiB", [128, 128, 512, 64])])
def test_every_disk_is_in_a_bar(small: Estate, unit: str, total: list[int]) -> None:
    drawn = charts.coverage(coverage(small, **EXCLUDE), unit=unit)
    names = ["effective: a point within the RPO", "never configured", "stopped", "excluded on purpose"]
    assert lengths(drawn) == dict(zip(names, total, strict=True))
    assert texts(drawn)[0] == {"disks": "33%", "GiB": "17%"}[unit]
    assert drawn.get_xlabel() == {"disks": "disks", "GiB": "GiB, provisioned"}[unit]


def test_groups_are_named_and_the_largest_gaps_come_first(small: Estate) -> None:
    drawn = charts.coverage(coverage(small, by="resourceGroup", **EXCLUDE))
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["Shop / rg", r"Shop / rg \$x\$"]
    assert "1 subscription" in texts(drawn)[-1] or "subscriptions" in texts(drawn)[-1]


def test_five_thousand_groups(small: Estate) -> None:
    one = coverage(small, by="resourceGroup", **EXCLUDE)
    many = pandas.concat([one.assign(resourceGroup=f"rg-{place}") for place in range(2500)], ignore_index=True)
    drawn = charts.coverage(many)
    assert len(drawn.get_yticklabels()) == MOST
    assert drawn.get_yticklabels()[-1].get_text() == f"{5000 - MOST + 1:,} others"
    shown = lengths(drawn)
    assert shown.get("never configured", 0) + shown.get("stopped", 0) == MOST - 1
    drawn.figure.canvas.draw()


def test_nothing_to_show(small: Estate) -> None:
    assert "no disks" in texts(charts.coverage(coverage(small).iloc[:0]))
    assert any("no gaps" in text for text in texts(charts.coverage_gaps(coverage_gaps(small).iloc[:0])))


def test_gaps_by_reason(small: Estate) -> None:
    drawn = charts.coverage_gaps(coverage_gaps(small, **EXCLUDE))
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["never configured", "stopped"]
    assert lengths(drawn) == {"observed": 2, "excluded on purpose": 1}
    assert texts(drawn)[:2] == ["2 · 192 GiB", "1 · 512 GiB"]


def test_what_is_no_coverage(small: Estate) -> None:
    with pytest.raises(InvalidArgument, match="coverage has no unit TB"):
        charts.coverage(coverage(small), unit="TB")
    with pytest.raises(InvalidArgument, match="the frame has no column disks"):
        charts.coverage(pandas.DataFrame({"a": [1]}))
    with pytest.raises(InvalidArgument, match="the frame has no column reason"):
        charts.coverage_gaps(coverage(small))

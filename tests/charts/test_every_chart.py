"""What holds for each chart: of a row, of a few, of thousands with odd names, of nothing, of something else."""

from __future__ import annotations

from typing import Any

import pandas
import pytest
from matplotlib.figure import Figure

from dpmagic.charts.style import MOST, picture
from dpmagic.errors import InvalidArgument
from tests.charts import test_capacity, test_compliance, test_lengths
from tests.charts.test_style import inked

# Heat maps and grids have a row for each group that can be read, and two for what is left.
_ROWS = ((test_capacity, MOST), (test_compliance, 62), (test_lengths, 60))
DRAWN = [(*drawn, most) for room, most in _ROWS for drawn in room.DRAWN]

each = pytest.mark.parametrize(("chart", "make", "most"), DRAWN)


@each
@pytest.mark.parametrize("rows", [1, 5, 5000])
def test_every_size_is_drawn_and_nothing_cut_off(chart: Any, make: Any, most: int, rows: int) -> None:
    drawn = chart(make(rows))
    assert not inked(picture(drawn, dpi=50))
    assert len(drawn.get_yticklabels()) <= most
    assert drawn.get_xlabel() and any("1 unreadable" in " ".join(text.get_text().split()) for text in drawn.texts)


@each
def test_nothing_is_a_chart_that_says_so(chart: Any, make: Any, most: int) -> None:
    assert any(text.get_text().startswith(("no ", "nothing ")) for text in chart(make(0)).texts)


@each
def test_axes_that_are_given_are_drawn_on_and_others_left_alone(chart: Any, make: Any, most: int) -> None:
    left, right = Figure(figsize=(12, 4)).subplots(1, 2)
    assert chart(make(5), left) is left
    assert left.get_title(loc="left") and not right.get_title(loc="left") and not right.lines


@each
def test_a_frame_of_something_else_is_refused(chart: Any, make: Any, most: int) -> None:
    with pytest.raises(InvalidArgument, match="no column"):
        chart(pandas.DataFrame({"a": [1]}))
    for other in (None, [1, 2], "jobs"):
        with pytest.raises(InvalidArgument, match=f"not of a value of type {type(other).__name__}"):
            chart(other)

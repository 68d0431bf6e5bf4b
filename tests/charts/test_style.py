"""What all charts share: no pyplot, no formulae from names, nothing cut off, an empty chart that says so."""

from __future__ import annotations

import re
import subprocess
import sys
from io import BytesIO, StringIO
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.image import imread

from dpmagic.charts import axis, fonts, style, vectors
from dpmagic.charts.completeness import line

TOLD = {
    "target": "azure",
    "window": ["2026-03-01T00:00:00Z", "2026-03-15T06:30:00Z"],
    "subscriptions": {"asked": ["a", "b", "c"], "answered": ["a", "b"], "unreadable": ["c"], "empty": []},
    "tables": {"jobs": {"rows": 12345, "of": 12345, "oldest": "2026-03-01T00:10:00Z", "notes": ["kept for 14 days"]}},
    "notes": [],
}


def frame(rows: int = 3) -> pandas.DataFrame:
    made = pandas.DataFrame({"value": np.arange(rows)})
    made.attrs["dpmagic"] = TOLD
    return made


def inked(png: bytes) -> bool:
    """Whether a picture has anything on its edge: what is cut off goes on there."""
    dark = imread(BytesIO(png))[..., :3].min(axis=2) < 0.9
    return bool(np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]]).any())


def test_a_chart_needs_no_pyplot() -> None:
    code = (
        "import sys, pandas; from dpmagic.charts import style; ax = style.axes();"
        "style.finish(ax, pandas.DataFrame(), 'title'); ax._repr_png_(); print('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_package_loads_no_matplotlib() -> None:
    code = "import sys, dpmagic.charts; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_axes_given_are_drawn_on() -> None:
    drawn = Figure().add_subplot()
    assert style.axes(drawn) is drawn


def test_the_caption_says_what_the_answer_covers() -> None:
    assert line(TOLD) == (
        "2026-03-01 to 2026-03-15 06:30 UTC · azure · 2 of 3 subscriptions, 1 unreadable · "
        "12,345 jobs since 2026-03-01 00:10 · kept for 14 days"
    )
    assert line(None) == ""


def test_the_caption_is_below_the_label_and_nothing_is_cut_off() -> None:
    drawn = style.axes(width=5, height=3)
    drawn.set_xlabel("a label that is there")
    style.finish(drawn, frame(), "a title that is far too long for a chart of five inches " * 3, note="note " * 30)
    png = style.picture(drawn)
    assert not inked(png)
    [caption] = [text for text in drawn.texts if "azure" in text.get_text()]
    assert caption.get_window_extent().y1 <= drawn.xaxis.label.get_window_extent().y0
    assert "1 unreadable" in " ".join(caption.get_text().split())


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "with a second axis"])
def test_a_picture_is_as_large_as_its_figure_with_the_axes_in_all_the_room_that_texts_leave(beside: bool) -> None:
    drawn = style.axes(width=6, height=3)
    axis.names_axis(drawn, ["a name that takes its room", "b"])
    if beside:
        drawn.twiny().set_xlabel("the other")
    style.finish(drawn, pandas.DataFrame(), "Title", note="what it covers")
    written = style.vector(drawn)
    width, height = (float(re.search(rf'{of}="([0-9.]+)pt"', written.decode())[1]) / 72 for of in ("width", "height"))  # type: ignore[index]
    assert (width, height) == pytest.approx((6.2, 3.2), abs=0.1)
    assert drawn.get_position().width < 0.75, "names stand beside the axes, not in them"
    assert style.vector(drawn) == written, "the second time nothing moves"


@pytest.mark.parametrize("said", ["of one line", "of two\nlines, gyj", "größe\nfür"])
def test_a_text_is_as_large_in_an_svg_as_matplotlib_has_it(said: str) -> None:
    drawn = Figure(dpi=vectors.DPI).add_subplot().text(0.5, 0.5, said)
    usual: Any = RendererSVG
    ours, its = (drawn.get_window_extent(one) for one in (vectors.renderer(), usual(72, 72, StringIO())))
    assert ours.height == pytest.approx(its.height) and ours.width == pytest.approx(its.width, rel=0.03)


def test_an_empty_chart_says_why() -> None:
    drawn = style.empty(style.axes(), frame(0), "durations", "no job ended in the window")
    assert "no job ended in the window" in [text.get_text() for text in drawn.texts]
    assert not drawn.lines and not drawn.patches


@given(
    st.text() | st.sampled_from(["$x$", "$\\frac{1}{0}$", "a\\$b$c$", "$$$$", "\\", "_^{", "\x00\x1b[31m", "%d {0}"])
)
def test_no_name_is_a_formula_and_none_breaks_a_chart(name: str) -> None:
    from matplotlib.cbook import is_math_text

    shown = style.plain(name, most=None)
    assert not is_math_text(shown)
    assert shown and shown.isprintable()


@given(st.text(min_size=1, max_size=200), st.integers(5, 40))
def test_a_long_name_keeps_its_ends(name: str, most: int) -> None:
    shown = style.plain(name, most).replace("\\$", "$")
    assert len(shown) <= max(most, len("(none)"))


@pytest.mark.parametrize("missing", [None, float("nan"), pandas.NA, pandas.NaT, ""])
def test_a_missing_name_is_said(missing: object) -> None:
    assert style.plain(missing) == "(none)"


@given(st.floats(1e-3, 1e8), st.floats(1.01, 1e6))
def test_an_axis_of_durations_has_a_few_ticks_wherever_it_is(low: float, factor: float) -> None:
    ticks = axis.DurationLocator().tick_values(low, low * factor)
    assert 2 <= len(ticks) <= 9
    assert all(low * 0.999 <= one <= low * factor * 1.001 for one in ticks)


def test_times_are_shown_in_utc_whatever_the_zone() -> None:
    local = pandas.Series(pandas.to_datetime(["2026-03-01T00:00:00+05:30"]))
    assert axis.utc(local)[0] == np.datetime64("2026-02-28T18:30")
    drawn = style.axes()
    drawn.plot(axis.utc(local), [1])
    axis.utc_axis(drawn.xaxis, "startTime")
    assert drawn.get_xlabel() == "startTime (UTC)"


def test_names_in_scripts_without_a_font_get_those_there_are_and_one_warning_a_picture(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(fonts, "families", lambda: ["sans-serif", "STIXGeneral"])
    for name, family in (("备份-北京", ["sans-serif", "STIXGeneral"]), ("Größe · ежедневно", ["sans-serif"])):
        drawn = style.axes()
        axis.names_axis(drawn, ["plain", name])
        drawn.set_xlabel("days")
        style.finish(drawn, frame(), "of names", note=name)
        assert [label.get_fontfamily() for label in drawn.get_yticklabels()] == [family] * 2
        assert [text.get_fontfamily() for text in drawn.texts] == [family]
        assert drawn.xaxis.label.get_fontfamily() == drawn.get_xticklabels()[0].get_fontfamily() == ["sans-serif"]
        assert name in style.vector(drawn).decode(), "a browser has fonts of its own"
        assert not inked(style.picture(drawn))
    [told] = [str(one.message) for one in recwarn]
    assert told.startswith("no font here has letters of CJK")


def test_fonts_of_the_system_stand_in_for_the_usual_one() -> None:
    assert fonts.families()[0] == "sans-serif" and set(fonts.families()[1:]) <= set(get_font_names())

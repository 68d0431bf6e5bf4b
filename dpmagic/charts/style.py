"""What all charts look like: colours, axes in units and UTC, the completeness line, and nothing cut off.

A chart begins with `axes` and ends with `finish`; without rows it is `empty`. Every text that comes from data goes
through `plain`. Figures are made without pyplot, so that no state of it leaks; a notebook shows such an Axes as its
figure.
"""

from __future__ import annotations

import io
import textwrap
import unicodedata
from typing import Any, cast
from warnings import catch_warnings, filterwarnings

import numpy as np
import pandas
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox, BboxBase

from dpmagic.charts import vectors
from dpmagic.charts.beside import beyond_names
from dpmagic.charts.completeness import line
from dpmagic.charts.fonts import MISSING, tell, use_fonts
from dpmagic.estate.completeness import KEY

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Okabe and Ito's palette: told apart with every kind of colour blindness; the yellow last, for it is pale."""

GOOD, FAIR, BAD, UNKNOWN = "#009E73", "#E69F00", "#D55E00", "#999999"
"""Well, with reservations, not well, nobody knows."""

INK, PALE, BAD_INK = "#333333", "#6b6b6b", "#A84300"
"""Of texts, which need more contrast than bars: what is said, what is said beside it, and what is not well."""

SEQUENCE = "cividis"
"""The colour map of quantities: even in lightness, and the same to the colour-blind."""

MOST = 30
"""Groups that one chart shows by name: more cannot be read."""

_MARGIN = 0.15  # around a picture, in inches
_PAD, _LEAST = 0.04, 0.2  # around what is in a figure, in inches; of a figure's width and height, for the axes
_LETTER = 0.55  # of a font's size: how wide a letter is on average


class ShownAxes(Axes):
    """Axes that a notebook shows as the picture of their figure."""

    name = "dpmagic"

    def _repr_png_(self) -> bytes:
        return picture(self)


def axes(given: Axes | None = None, *, width: float = 9.0, height: float = 4.5) -> Axes:
    """The Axes to draw on: those given, else those of a new figure of this size in inches."""
    if given is not None:
        return given
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # savefig needs one, and pyplot is not asked
    made = figure.add_subplot(axes_class=ShownAxes)
    made.spines[["top", "right"]].set_visible(False)
    made.set_axisbelow(True)
    return made


def picture(drawn: Axes, dpi: int = 110) -> bytes:
    """The figure of an Axes as PNG."""
    return _written(drawn, dpi, None, dpi=dpi, format="png")


def vector(drawn: Axes, dpi: int = 110) -> bytes:
    """The figure of an Axes as SVG whose texts are texts: sharp on paper, small, and drawn in half of the time.

    What is marked as a raster, such as very many points, has ``dpi`` dots an inch. Same figures give the same bytes.
    """
    how = {"format": "svg", "backend": vectors.BACKEND, "metadata": {"Date": None}}
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "dpmagic"}):
        return _written(drawn, vectors.DPI, vectors.renderer(), dpi=dpi, **how)


def _written(drawn: Axes, measured: int, renderer: RendererBase | None, **how: Any) -> bytes:
    """The figure laid out with ``measured`` dots an inch, by what this renderer says of texts, else by its own."""
    figure, written = _figure(drawn), io.BytesIO()
    before, layout = figure.dpi, figure.get_layout_engine()
    figure.set_dpi(measured)
    with catch_warnings(record=True) as warned:
        filterwarnings("always", MISSING)  # one for each letter
        try:
            # What is to be seen is measured here: where matplotlib does, or lays out, it draws all of it once more.
            box = _laid_out(figure, renderer).padded(_MARGIN)
            figure.set_layout_engine(None)
            figure.savefig(written, facecolor="white", bbox_inches=box, **how)
        finally:
            figure.set_layout_engine(layout)
            figure.set_dpi(before)
    tell(warned, boxes=renderer is None)
    return written.getvalue()


def _laid_out(figure: Figure, renderer: RendererBase | None) -> BboxBase:
    """Give the axes all the room that their texts leave; what is then to be seen, in inches.

    For axes in one place that takes one look at the texts, of which a constrained layout takes two, and longer ones.
    """
    layout, within = figure.get_layout_engine(), {one.get_subplotspec() for one in figure.axes}
    if layout is None:
        return figure.get_tightbbox(renderer)
    if len(within) != 1 or None in within or any(one.get_aspect() != "auto" for one in figure.axes):
        layout.execute(figure)
        return figure.get_tightbbox(renderer)
    figure.set_layout_engine(None)
    seen, place = figure.get_tightbbox(renderer), figure.axes[0].get_position()
    width, height = figure.get_size_inches()
    left, low = place.x0 - (seen.x0 - _PAD) / width, place.y0 - (seen.y0 - _PAD) / height
    right, top = 1 + place.x1 - (seen.x1 + _PAD) / width, 1 + place.y1 - (seen.y1 + _PAD) / height
    if right - left < _LEAST or top - low < _LEAST:  # the picture becomes larger
        return seen
    for one in figure.axes:
        one.set_position((left, low, right - left, top - low))
        one.set_in_layout(True)  # a place that is given means otherwise
    return _now_seen(figure, renderer)


def _now_seen(figure: Figure, renderer: RendererBase | None) -> BboxBase:
    """What is to be seen of axes that were given their room, in inches: all of the figure but for its padding, and what
    stands out further now that they are smaller.

    That is texts that begin in them, their labels and a legend.  Labels of ticks stand out by a few points more, for
    which there is the margin, unless they are turned.
    """
    [drawn, *others] = figure.axes
    if others or any(one.get_rotation() for one in drawn.get_xticklabels()):
        return figure.get_tightbbox(renderer)
    legend = drawn.get_legend()
    wide = [drawn.xaxis.label, *(one for one in drawn.get_children() if isinstance(one, Text))]
    high = [drawn.yaxis.label, *([legend] if legend is not None else ())]
    xs, ys = ([box for one in some if (box := one.get_tightbbox(renderer)) and _finite(box)] for some in (wide, high))
    width, height = figure.get_size_inches()
    return Bbox.from_extents(
        min([_PAD, *(box.x0 / figure.dpi for box in xs)]),
        min([_PAD, *(box.y0 / figure.dpi for box in ys)]),
        max([width - _PAD, *(box.x1 / figure.dpi for box in xs)]),
        max([height - _PAD, *(box.y1 / figure.dpi for box in ys)]),
    )


def _finite(box: BboxBase) -> bool:
    return bool(np.isfinite(box.extents).all())


def finish(drawn: Axes, frame: pandas.DataFrame, title: str, *, note: str = "") -> Axes:
    """The chart with its title on top, and below it what it covers: the frame's completeness line, after ``note``."""
    size = float(drawn.title.get_fontsize())
    place = None if _has_top(drawn) else 1.0  # told where it goes: what is in its way is looked for again and again
    drawn.set_title(_wrapped(drawn, plain(title, most=None), size), loc="left", color=INK, pad=10, y=place)
    for name in ("x", "y"):
        axis = getattr(drawn, f"{name}axis")
        axis.label.set_color(INK)
        axis.set_tick_params(colors=INK)
    said = " · ".join(part for part in (note, line(frame.attrs.get(KEY))) if part)
    if said:
        text = _wrapped(drawn, plain(said, most=None), 7.5)
        # Right below the label of the x axis, wherever that comes to be; so layouts leave room for it.
        drawn.annotate(
            text, xy=(0, 0), xycoords=("axes fraction", drawn.xaxis.label), xytext=(0, -6),
            textcoords="offset points", va="top", ha="left", fontsize=7.5, color=PALE, annotation_clip=False,
        )  # fmt: skip
    use_fonts(drawn)
    return drawn


def _has_top(drawn: Axes) -> bool:
    """Whether an axis is at the top, also of another Axes in the same place."""
    return any("top" in (one.xaxis.get_ticks_position(), one.xaxis.get_label_position()) for one in _figure(drawn).axes)


def empty(drawn: Axes, frame: pandas.DataFrame, title: str, why: str) -> Axes:
    """A chart of nothing, which says why."""
    drawn.set_xticks([])
    drawn.set_yticks([])
    drawn.spines[:].set_visible(False)
    drawn.text(0.5, 0.5, plain(why, most=None), transform=drawn.transAxes, ha="center", va="center", color=PALE)
    return finish(drawn, frame, title)


def grid(drawn: Axes, axis: str) -> None:
    """Faint lines across ``x`` or ``y``, behind the data."""
    drawn.grid(True, axis=cast(Any, axis), color="#dddddd", linewidth=0.6)
    drawn.set_axisbelow(True)


def legend(drawn: Axes, **options: Any) -> None:
    """A legend beside the axes, where it hides nothing."""
    drawn.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, frameon=False, fontsize=8, **options)


def plain(text: object, most: int | None = 36) -> str:
    """A name as text of a chart: no formula (``$``), no controls, at most so many characters, cut in the middle.

    >>> plain("a$b$c"), plain("two\\nlines"), plain("x" * 50, 9), plain(None)
    ('a\\\\$b\\\\$c', 'two lines', 'xxxx…xxxx', '(none)')
    """
    if text is None or text is pandas.NA or text != text:  # NaN alone is not itself
        return "(none)"
    shown = "".join(" " if unicodedata.category(one).startswith(("C", "Z")) else one for one in str(text))
    return shortened(shown, most).replace("$", r"\$") or "(none)"


def shortened(text: str, most: int | None) -> str:
    """A text of at most so many characters, both ends of it: names of one family often differ at the end."""
    if most is None or len(text) <= most:
        return text
    kept = most - 1
    return f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"


def _wrapped(drawn: Axes, text: str, size: float) -> str:
    """The text in lines that are no wider than the axes, nor than what long names leave of the figure."""
    box = min(_figure(drawn).get_size_inches()[0] * drawn.get_position().width * 72, beyond_names(drawn))
    # A path of words without a space is cut too; the dollar's backslash is not seen.
    return "\n".join(textwrap.wrap(text, max(20, int(box / (size * _LETTER)))))


def _figure(drawn: Axes) -> Figure:
    found = drawn.get_figure(root=True)
    assert isinstance(found, Figure)  # an Axes is always in one
    return found

"""Words at the ends of bars and marks, and the room that they need between there and the legend."""

from __future__ import annotations

from typing import Any
from unicodedata import east_asian_width

from matplotlib.axes import Axes
from matplotlib.text import Annotation

_LETTER, _WIDE = 0.6, 1.0  # of a font's size: how wide a letter is, and one of Chinese, Japanese or Korean
_KEY = 3.7  # of a font's size: the pattern of a legend's entry, and what is left free around it
_MOST = 0.75  # of the width of the axes: words that need more go beyond it
_PADS = 12.0  # in points: ticks, and the margin of the figure


def say(drawn: Axes, end: float, place: float, words: str, *, gap: float = 5, **how: Any) -> None:
    """Write words right of where the bar or mark at ``place`` ends, so many points from there."""
    style: dict[str, Any] = {"va": "center", "fontsize": 7.5, "color": "#333333", **how}
    drawn.annotate(words, (end, place), (gap, 0), textcoords="offset points", **style)


def make_room(drawn: Axes) -> None:
    """Move the right end of the x axis out as far as what was said needs; names and legend are there by now.

    >>> from dpmagic.charts.style import axes
    >>> drawn = axes()
    >>> drawn.set_xlim(0, 100), say(drawn, 99, 0, "words " * 9), make_room(drawn)
    ((0.0, 100.0), None, None)
    >>> bool(140 < drawn.get_xlim()[1] < 200)
    True
    """
    scale, width = drawn.xaxis.get_transform(), _width(drawn)
    low, high = scale.transform(list(drawn.get_xlim()))
    for words in drawn.texts:
        if isinstance(words, Annotation) and words.xycoords == "data":
            [end] = scale.transform([float(words.xy[0])])
            share = (words.xyann[0] + _long(words.get_text(), float(words.get_fontsize()))) / width
            high = max(high, low + (end - low) / (1 - min(share, _MOST)))
    [right] = scale.inverted().transform([high])
    drawn.set_xlim(right=right)


def _width(drawn: Axes) -> float:
    """How wide the axes will be, in points: what names and legend leave of their part of the figure."""
    legend = drawn.get_legend()
    keys = [
        _long(one.get_text(), float(one.get_fontsize())) + _KEY * float(one.get_fontsize())
        for one in (legend.get_texts() if legend else ())
    ]
    left = beyond_names(drawn)
    return max(left - max(keys, default=0.0), left / 3)


def beyond_names(drawn: Axes) -> float:
    """How much of the axes' part of the figure the names down the y axis leave, in points."""
    figure, spec = drawn.get_figure(root=True), drawn.get_subplotspec()
    assert figure is not None  # an Axes is always in one
    whole = figure.get_figwidth() * 72 * (len(spec.colspan) / spec.get_gridspec().ncols if spec else 1.0)
    names = [_long(one.get_text(), float(one.get_fontsize())) for one in drawn.get_yticklabels()]
    title = 2.5 * float(drawn.yaxis.label.get_fontsize()) if drawn.get_ylabel() else 0.0
    return max(whole - max(names, default=0.0) - title - _PADS, whole / 3)


def _long(text: str, size: float) -> float:
    """About how long a text is, in points."""
    shown = text.replace(r"\$", "$")
    return size * sum(_WIDE if east_asian_width(one) in "WF" else _LETTER for one in shown)

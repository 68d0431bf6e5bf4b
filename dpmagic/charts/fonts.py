"""Fonts for names in scripts that matplotlib's own font lacks: those of the system that are there."""

from __future__ import annotations

from functools import cache

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

_SYSTEMS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK KR", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei"),
    *("Noto Sans Thai", "Noto Sans Devanagari", "Noto Sans Tamil", "Noto Sans Bengali", "Noto Sans Ethiopic"),
    *("Microsoft YaHei", "Yu Gothic", "Meiryo", "Malgun Gothic", "Leelawadee UI", "Nirmala UI", "Ebrima"),
    *("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Thonburi", "Devanagari Sangam MN", "Arial Unicode MS"),
)
"""As Linux, Windows and macOS have them."""

_COVERED, _SIGNS = 0x0700, range(0x2000, 0x2C00)
"""Matplotlib's own font has the scripts below, from Latin to Arabic, and signs."""


def use_fonts(drawn: Axes) -> None:
    """Give the texts of an Axes that need another font those that are installed."""
    legend = drawn.get_legend()
    texts = [*drawn.texts, drawn.xaxis.label, drawn.yaxis.label, *(legend.get_texts() if legend else ())]
    for text in texts:
        if needs_another(text.get_text()):
            text.set_fontfamily(families())
    for axis in (drawn.xaxis, drawn.yaxis):
        named = isinstance(axis.get_major_locator(), FixedLocator)  # else the ticks are figures or times
        if named and any(map(needs_another, axis.get_major_formatter().format_ticks(list(axis.get_majorticklocs())))):
            axis.set_tick_params(labelfontfamily=families())


def needs_another(text: str) -> bool:
    """Whether some of the text is in a script that matplotlib's own font lacks.

    >>> needs_another("Größe · ежедневно…"), needs_another("备份")
    (False, True)
    """
    return not text.isascii() and any(ord(one) >= _COVERED and ord(one) not in _SIGNS for one in text)


@cache
def families() -> list[str]:
    """The usual font, and those that stand in for it where it lacks a letter."""
    there = set(font_manager.get_font_names())
    return ["sans-serif", *(name for name in _SYSTEMS if name in there)]

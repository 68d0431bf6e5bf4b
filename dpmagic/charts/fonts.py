"""Fonts for names in scripts that matplotlib's own font lacks: those of the system that are there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from warnings import WarningMessage, warn, warn_explicit

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

_SYSTEMS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK KR", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei"),
    *("Noto Sans Thai", "Noto Sans Devanagari", "Noto Sans Tamil", "Noto Sans Bengali", "Noto Sans Ethiopic"),
    *("Garuda", "Loma", "Lohit Devanagari", "Lohit Tamil", "Lohit Bengali", "FreeSans", "Unifont"),
    *("Microsoft YaHei", "Yu Gothic", "Meiryo", "Malgun Gothic", "Leelawadee UI", "Nirmala UI", "Ebrima"),
    *("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Thonburi", "Devanagari Sangam MN", "Arial Unicode MS"),
)
"""As Linux, Windows and macOS have them."""

_COVERED, _SIGNS = 0x0700, range(0x2000, 0x2C00)
"""Matplotlib's own font has the scripts below, from Latin to Arabic, and signs."""

MISSING = r"Glyph (\d+) .* missing"
"""What matplotlib warns with of a letter that no font has."""


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


def tell(warned: Iterable[WarningMessage], *, boxes: bool) -> None:
    """Pass warnings on that drawing gave; for all letters without a font one, that says what to do.

    Without ``boxes`` none of these: browsers have fonts of their own for SVG.
    """
    missing: dict[str, None] = {}
    for one in warned:
        if found := re.match(MISSING, str(one.message)):
            script = unicodedata.name(chr(int(found[1])), "unnamed").split()[0]
            missing[script if script == "CJK" else script.capitalize()] = None
        else:
            warn_explicit(one.message, one.category, one.filename, one.lineno)
    if missing and boxes:
        scripts = ", ".join(missing)
        warn(f"no font here has letters of {scripts}: they are boxes; install one, such as Noto Sans", stacklevel=4)


@cache
def families() -> list[str]:
    """The usual font, and those that stand in for it where it lacks a letter."""
    _learn()
    there = set(font_manager.get_font_names())
    return ["sans-serif", *(name for name in _SYSTEMS if name in there)]


def _learn() -> None:
    """Tell matplotlib of fonts that were installed since it made its list, which it keeps for good."""
    known = {one.fname for one in font_manager.fontManager.ttflist}
    for path in {*font_manager.findSystemFonts()} - known:
        with suppress(OSError, RuntimeError):  # no font that it can read
            font_manager.fontManager.addfont(path)

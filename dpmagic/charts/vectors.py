"""SVG of which each letter is measured once: matplotlib's way to write it, for `dpmagic.charts.style.vector`.

A browser sets the texts with fonts of its own, so to lay out whole words letter by letter would tell nothing more.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

BACKEND = f"module://{__name__}"
"""What matplotlib knows this module by."""

DPI = 72
"""Dots an inch of an SVG: matplotlib's points."""

_HEIGHTS = {
    "OS/2": ("sTypoAscender", "sTypoDescender", "sTypoLineGap"), "hhea": ("ascent", "descent", "lineGap"),
}  # fmt: skip
"""Tables of a font's file that have the height of its lines, the better one first, and their names for it."""

_Size = tuple[float, float, float]
_Family = tuple[Any, ...]


class Renderer(RendererSVG):
    """matplotlib's own, with another measure of texts."""

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> _Size:
        """The size of a line of text, in points."""
        usual: Any = super().get_text_width_height_descent  # it has no annotations
        size: _Size = measured(s, prop) if s.isascii() and not ismath else usual(s, prop, ismath)
        return size

    def _get_font_height_metrics(self, font: FontProperties) -> tuple[float | None, float | None, float | None]:
        """How far a font's lines reach up and down, and the gap between them, in points: what matplotlib since 3.11
        asks a renderer, and looks up in the font's file for each text where that does not say."""
        size = font.get_size_in_points()
        up, down, gap = _lines(_family(font))
        return (None, None, None) if up is None else (up * size, down * size, gap * size)


_made: Any = Renderer  # they have no annotations
_mixed: Any = MixedModeRenderer


def measured(text: str, font: FontProperties) -> _Size:
    """Width, height and descent of some ASCII, in points: letters side by side, none moved closer to its neighbour."""
    size, family = font.get_size_in_points(), _family(font)
    letters = [_letter(one, family) for one in text]
    ascent, descent = (max((one[part] for one in letters), default=0.0) for part in (1, 2))
    return sum(one[0] for one in letters) * size, (ascent + descent) * size, descent * size


def _family(font: FontProperties) -> _Family:
    """What tells fonts apart of whatever size."""
    how = (font.get_style(), font.get_variant(), font.get_weight(), font.get_stretch())
    return (tuple(font.get_family()), *how, font.get_file())


def _font(family: _Family) -> FontProperties:
    names, style, variant, weight, stretch, file = family
    return FontProperties(
        family=list(names), style=style, variant=variant, weight=weight, stretch=stretch, size=1.0, fname=file
    )


@cache
def _lines(family: _Family) -> tuple[Any, Any, Any]:
    """The same of a font of one point; None for what its file does not say."""
    font: Any = get_font(findfont(_font(family)))
    head = font.get_sfnt_table("head")
    for name, fields in _HEIGHTS.items():
        table = font.get_sfnt_table(name)
        if head is not None and table is not None:
            up, down, gap = (table[field] / head["unitsPerEm"] for field in fields)
            return up, -down, gap
    return None, None, None


@cache
def renderer() -> Renderer:
    """One that writes nothing: what is measured with it once is known for all charts."""
    made: Renderer = _made(DPI, DPI, io.StringIO())
    return made


@cache
def _letter(letter: str, family: _Family) -> _Size:
    """How far a letter moves the next, and how far it reaches up and down: of a font of one point."""
    font = _font(family)
    width, height, descent = text_to_path.get_text_width_height_descent(letter, font, ismath=False)
    both, _, _ = text_to_path.get_text_width_height_descent(letter * 2, font, ismath=False)
    return both - width, height - descent, descent


class FigureCanvas(FigureCanvasSVG):
    """matplotlib's own, with this renderer."""

    def print_svg(self, filename: Any, *, bbox_inches_restore: Any = None, metadata: Any = None, **_: Any) -> None:
        """Write the figure as SVG into an open file of bytes."""
        figure, written = self.figure, io.StringIO()
        dpi = figure.dpi
        figure.dpi = DPI
        width, height = figure.get_size_inches()
        made = _made(width * DPI, height * DPI, written, image_dpi=dpi, metadata=metadata)
        mixed = _mixed(figure, width, height, dpi, made, bbox_inches_restore=bbox_inches_restore)
        figure.draw(mixed)
        mixed.finalize()
        filename.write(written.getvalue().encode())

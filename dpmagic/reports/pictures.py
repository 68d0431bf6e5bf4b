"""Charts in a report: pictures that load nothing and can be read out."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Picture:
    """A chart that a notebook shows once the cell has ended: until then its ``axes`` can be drawn on."""

    axes: Axes

    def _repr_html_(self) -> str:
        from dpmagic.charts.style import vector

        # An image of its own: whatever a name in it holds, a browser runs nothing of an image.
        held = b64encode(vector(self.axes)).decode()
        return f'<figure><img alt="{escape(self._title)}" src="data:image/svg+xml;base64,{held}"></figure>'

    def __repr__(self) -> str:
        return f"chart: {self._title}"

    @property
    def _title(self) -> str:
        return " ".join(self.axes.get_title("left").split()) or "chart"

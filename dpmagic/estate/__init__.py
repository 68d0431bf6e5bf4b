"""An estate: where to ask, over which scope and window; its tables are typed DataFrames, one row an ARM object.

`Estate` and `Window` are loaded when they are asked for: what is known of the tables (`dpmagic.estate.columns`) is for
those to read as well who need no pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dpmagic.estate.estate import Estate
    from dpmagic.estate.window import Window

__all__ = ["Estate", "Window"]


def __getattr__(name: str) -> Any:
    if name == "Estate":
        from dpmagic.estate.estate import Estate

        return Estate
    if name == "Window":
        from dpmagic.estate.window import Window

        return Window
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

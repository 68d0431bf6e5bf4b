"""What a question may be given beside an estate: checked before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from dpmagic.errors import InvalidArgument


def text(value: Any, what: str, such_as: str) -> str:
    """A name: of a tag, a category, a column.  Raises `InvalidArgument` for what is no text, or an empty one."""
    if not isinstance(value, str) or not value:
        raise InvalidArgument(f"{what} is {value!r}", f"give its name, such as {such_as!r}")
    return value


def number(value: Any, what: str, such_as: str, *, least: float = 0, most: float = float("inf")) -> float:
    """A number above ``least`` and at most ``most``.  Raises `InvalidArgument` for anything else."""
    wrong = isinstance(value, bool) or not isinstance(value, Real)
    if wrong or not least < value <= most:
        upto = "" if most == float("inf") else f" and at most {most:g}"
        raise InvalidArgument(f"{what} is {value!r}", f"give a number above {least:g}{upto}, such as {such_as}")
    return float(value)


def whole_number(value: Any, what: str, such_as: str, *, least: int = 1) -> int:
    """A whole number from ``least``.  Raises `InvalidArgument` for anything else."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InvalidArgument(f"{what} is {value!r}", f"give a whole number{such_as}")
    return int(value)


def file_of(value: Any, what: str, hint: str) -> Path:
    """A file or folder by its name.  Raises `InvalidArgument` for what names none."""
    if isinstance(value, Mapping) or not isinstance(value, str | PathLike) or not isinstance(fspath(value), str):
        raise InvalidArgument(f"{value!r} is no {what}", hint)
    return Path(value).expanduser()

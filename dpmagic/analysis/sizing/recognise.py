"""Which kind of cost export a file is, from its header alone."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from dpmagic.errors import InvalidArgument

COLUMNS = ("id", "day", "quantity", "unit", "cost", "currency", "meter", "charge", "correction")
_OPTIONAL = ("correction",)


@dataclass(frozen=True)
class Layout:
    """A kind of export: where in a file its columns are, by our name for them, and which charges are usage."""

    name: str
    columns: Mapping[str, str]
    usage: Sequence[str]


@cache
def _known() -> Mapping[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("exports.toml").read_text("utf-8"))


def recognise(header: Sequence[str], where: str) -> Layout:
    """The layout of a file with this header.

    Raises `InvalidArgument`, by name, for a table of costs that tells no sizes, and for one that is none.
    """
    known = dict(_known())
    refused = known.pop("refused")
    there = {name.strip().lower(): name for name in reversed(header)}
    for name, told in known.items():
        if all(one in header for one in told["spelled"]):
            found = {ours: _first(told[ours], there) for ours in COLUMNS if ours in told}
            missing = [told[ours][0] for ours, column in found.items() if column is None and ours not in _OPTIONAL]
            if missing:
                raise InvalidArgument(
                    f"{where} is an export of the {name} kind without {', '.join(missing)}", "export all columns"
                )
            return Layout(name, {ours: column for ours, column in found.items() if column}, told.get("usage", ()))
    for name, told in refused.items():
        if all(one.lower() in there for one in told["has"]):
            raise InvalidArgument(f"{where} is {name}: it tells no sizes", told["hint"])
    shown = ", ".join(header[:6])[:200]
    if header and (header[0].startswith("sep=") or (len(header) == 1 and re.search("[;\t]", shown))):
        told = f"{where} is not separated by commas, as exports are: a spreadsheet saved it"
        raise InvalidArgument(told, "give the file as Azure exported it: spreadsheets change days and numbers, too")
    if not shown.isprintable():
        raise InvalidArgument(f"{where} is no text in UTF-8", "name a .csv, .csv.gz or .parquet file of an export")
    has = shown or "no header"
    raise InvalidArgument(
        f"{where} is no cost export that is known ({', '.join(known)}): it has {has} ...",
        "export cost and usage details with Cost Management, as CSV or Parquet",
    )


def _first(names: Sequence[str], there: Mapping[str, str]) -> str | None:
    return next((there[name.lower()] for name in names if name.lower() in there), None)

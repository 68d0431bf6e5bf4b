"""Estates of the sandbox by name, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tests import generated
from tests.analysis import raw
from tests.analysis.handwritten import HAND_WRITTEN
from tests.analysis.worlds import estate as estate

#: The default estate, those written by hand, and the generated ones, whose names are their numbers.
NAMES = ("default", *HAND_WRITTEN, *map(str, generated.SEEDS))


def time(text: str) -> pd.Timestamp:
    return pd.Timestamp(text).tz_convert("UTC").as_unit("us")


def kinds(name: str) -> dict[str, set[str]]:
    """What is planted on each id, in lower case."""
    found: dict[str, set[str]] = {}
    for defect in raw.planted(name):
        for one in defect["ids"]:
            found.setdefault(one.lower(), set()).add(defect["kind"])
    return found


def runs(name: str, *kinds: str) -> list[dict[str, Any]]:
    """The runs that defects of these kinds touched, each with its defect's ``kind`` and ``reason``."""
    return [
        {**run, "kind": defect["kind"], "reason": defect["reason"]}
        for defect in raw.planted(name)
        if not kinds or defect["kind"] in kinds
        for run in defect["runs"]
    ]

"""Every analysis of an estate in which there is nothing: an answer without rows, in its columns and dtypes."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

import dpmagic
from dpmagic.connection import connect_sandbox
from dpmagic.estate import Estate
from dpmagic.estate.opening import open_live

ANALYSES = sorted(name for name, module in dpmagic._PUBLIC.items() if module.startswith("dpmagic.analysis."))
ONE_ARGUMENT = [
    name
    for name in ANALYSES
    if name != "forecast"  # of figures, not of an estate
    and sum(one.default is one.empty for one in inspect.signature(getattr(dpmagic, name)).parameters.values()) == 1
]


@pytest.fixture(scope="module")
def nothing() -> Estate:
    return open_live(connect_sandbox(estate="default"), subscriptions="Archive")


@pytest.fixture(scope="module")
def everything() -> Estate:
    return open_live(connect_sandbox(estate="default"))


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_nothing_has_an_answer(nothing: Estate, everything: Estate, name: str) -> None:
    analysis = getattr(import_module(dpmagic._PUBLIC[name]), name)
    empty, full = analysis(nothing), analysis(everything)
    assert list(empty.columns) == list(full.columns)
    assert empty.attrs["dpmagic"]["window"] == full.attrs["dpmagic"]["window"]
    assert len(empty) <= 1 or name == "controls"  # one row where it is a sum, and one for each control
    other = {column: (str(empty[column].dtype), str(full[column].dtype)) for column in full}
    assert {column: pair for column, pair in other.items() if pair[0] != pair[1] and "object" not in pair} == {}

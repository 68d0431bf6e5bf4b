"""Sandboxes' estates, opened once for all tests of a process: their tables are read once."""

from __future__ import annotations

from functools import cache

import dpmagic
from dpmagic.estate import Estate

from .raw import connection, planted


@cache
def estate(name: str) -> Estate:
    """The estate of `raw.connection`, asked for all of its subscriptions, those out of sight among them."""
    hidden = [one for found in planted(name) if found["kind"] == "unreadable" for one in found["ids"]]
    made = connection(name)
    return dpmagic.open(connection=made, expected=[*made.sandbox.subscriptions, *hidden])

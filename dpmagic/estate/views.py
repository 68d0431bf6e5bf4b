"""The views: the KQL that makes each table from Resource Graph's records, one documented file a table."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from dpmagic.errors import InvalidArgument
from dpmagic.estate.window import Window
from dpmagic.graph.literals import literal

VIEWS = (
    *("subscriptions", "vaults", "policies", "instances", "jobs", "disks", "snapshots", "virtual_machines"),
    *("protected_items", "role_assignments", "changes", "exemptions"),
)
"""The tables that Resource Graph has."""

_TABLE = re.compile(r"(?:\s|//[^\n]*\n)*([a-z_]+)\b(?=\s*(?:\||;|//|\Z))")

# What puts the rows of each view in an order that is unique, without which pages may overlap.
_ORDER = {"virtual_machines": "id asc, lun asc"}


def view(name: str, window: Window) -> str:
    """The KQL of a table, its rows in no order: what goes on with ``| summarize ...``.

    Its columns are the table's, in that order and under their names on the way (``durationSeconds``); the window is in
    it as two literals where the table has one.

    >>> print(view("policies", Window.of(("2026-03-01", "2026-03-02"), None))[:58])
    recoveryservicesresources
    | where type =~ 'microsoft.datap
    """
    bounds: Mapping[str, Any] = {"start": window.start, "end": window.end}
    return re.sub(r"\$(start|end)\b", lambda found: literal(bounds[found[1]]), _body(name))


def query(name: str, window: Window, columns: Collection[str] | None = None, clause: str = "") -> str:
    """The KQL of a table with its rows in an order that pages can go by.

    ``columns`` are those to ask for, by their names on the way, what the order goes by among them; None for all.
    ``clause`` goes behind the view: ``| where ...``.
    """
    before = f"\n{clause}" if clause else ""
    some = "" if columns is None else f"\n| project {', '.join(columns)}"
    return f"{view(name, window)}{before}{some}\n| order by {_ORDER.get(name, 'id asc')}"


def expanded(kql: str, window: Window) -> str:
    """The query, in which a table's name at its start stands for its view: what an archive is asked, Azure is, too.

    >>> expanded("policies | count", Window.of(("2026-03-01", "2026-03-02"), None))[-8:]
    '\\n| count'
    >>> expanded("resources | count", Window.of(("2026-03-01", "2026-03-02"), None))
    'resources | count'
    """
    found = _TABLE.match(kql) if isinstance(kql, str) else None  # whether it is text is for who asks it to say
    if not found or at_start(kql) is None:
        return kql
    return f"{kql[: found.start(1)]}{view(found[1], window)}\n{kql[found.end() :].lstrip()}"


def at_start(kql: str) -> str | None:
    """The table whose view a query begins with, if it does."""
    found = _TABLE.match(kql)
    return found[1] if found and found[1] in VIEWS else None


@cache
def _body(name: str) -> str:
    """The file without its comments.  Raises `InvalidArgument` for a table that Resource Graph does not have."""
    if name not in VIEWS:
        raise InvalidArgument(f"{name!r} is no view of Resource Graph", f"those are: {', '.join(VIEWS)}")
    text = files("dpmagic.estate").joinpath(f"kql/{name}.kql").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("//"))

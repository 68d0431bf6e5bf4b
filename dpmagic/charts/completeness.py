"""The line under each chart: what it covers and what it does not, from the frame's ``attrs["dpmagic"]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def line(told: Mapping[str, Any] | None) -> str:
    """Window, place, subscriptions, rows and notes of an answer in one line; ``""`` when it says nothing of itself.

    >>> line({"target": "azure", "window": ["2026-03-01T00:00:00Z", "2026-03-15T00:00:00Z"], "rows": 3,
    ...       "subscriptions": {"asked": ["a", "b"], "answered": ["a"], "unreadable": ["b"], "empty": []}})
    '2026-03-01 to 2026-03-15 UTC · azure · 1 of 2 subscriptions, 1 unreadable'
    """
    if not told:
        return ""
    parts = [_window(told.get("window")), str(told.get("target") or ""), _subscriptions(told.get("subscriptions"))]
    tables = told.get("tables") or {}
    parts += [_rows(table, said) for table, said in tables.items() if table != "subscriptions" or not parts[-1]]
    if told.get("table"):
        parts.append(_rows(str(told["table"]), told))
    notes = [*(told.get("notes") or []), *_notes_below(told)]
    return " · ".join(part for part in [*parts, *dict.fromkeys(map(str, notes))] if part)


def all_well(told: Mapping[str, Any] | None, table: str, said: str) -> str:
    """What an empty chart says where nothing is wrong: ``said``, but of no rows of ``table`` that there are none, and
    no more than what could be read.

    >>> scope = {"asked": ["a", "b"], "answered": ["a"], "unreadable": ["b"], "empty": []}
    >>> all_well({"subscriptions": scope, "tables": {"disks": {"rows": 7}}}, "disks", "no gaps")
    'no gaps in what could be read: 1 of 2 subscriptions, 1 unreadable'
    >>> all_well({"subscriptions": scope, "tables": {"disks": {"rows": 0}}}, "disks", "no gaps")
    'no disks in what could be read: 1 of 2 subscriptions, 1 unreadable'
    """
    told = told or {}
    scope = told.get("subscriptions") or {}
    rows = (told.get("tables") or {}).get(table, {}).get("rows")
    text = f"no {table.replace('_', ' ')}" if rows == 0 else said
    return f"{text} in what could be read: {_subscriptions(scope)}" if scope.get("unreadable") else text


def _window(window: Any) -> str:
    if not window:
        return ""
    # Whole days need no time of day.
    start, end = (str(at).removesuffix("Z").removesuffix("T00:00:00").replace("T", " ")[:16] for at in window)
    return f"{start} to {end} UTC"


def _subscriptions(scope: Any) -> str:
    if not scope or not scope.get("asked"):
        return ""
    asked, answered = len(scope["asked"]), len(scope.get("answered", ()))
    unreadable = len(scope.get("unreadable", ()))
    of = f"{answered:,} of {asked:,}" if answered != asked else f"{asked:,}"
    noun = "subscription" if asked == 1 else "subscriptions"
    return f"{of} {noun}" + (f", {unreadable:,} unreadable" if unreadable else "")


def _rows(table: str, said: Mapping[str, Any]) -> str:
    rows, of = said.get("rows"), said.get("of")
    if rows is None:
        return ""
    whole = f" of {of:,}" if of is not None and of != rows else ""
    oldest = f" since {str(said['oldest'])[:16].replace('T', ' ')}" if said.get("oldest") else ""
    return f"{rows:,}{whole} {table.replace('_', ' ')}{oldest}"


def _notes_below(told: Mapping[str, Any]) -> list[Any]:
    return [note for said in (told.get("tables") or {}).values() for note in said.get("notes") or []]

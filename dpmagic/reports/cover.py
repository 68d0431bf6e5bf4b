"""A report's first page: principal, scope, completeness, and the worst findings with their fix."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas

from dpmagic.estate.completeness import KEY
from dpmagic.frames.told import Told
from dpmagic.reports.cells import Shown, cell_text, facts, printable
from dpmagic.reports.wording import spoken

if TYPE_CHECKING:
    from dpmagic.reports.contents import Report

_COUNTED = ("disks", "instances", "jobs")
SEVERITIES = {
    1: ("bad", "data may be lost today"),
    2: ("fair", "tomorrow, or unnoticed"),
    3: ("unknown", "to decide"),
    4: ("unknown", "to look into"),
}
"""What each severity of a finding means, and how it is coloured."""


def cover(report: Report) -> Shown:
    """Who asked, where, when and over which window; which subscriptions answered and which did not."""
    estate = report.estate
    scope, window = estate.source.scope, (estate.window.start, estate.window.end)
    said = {
        "Asked as": report.principal or "not said by the tables",
        "Target": estate.source.target,
        "As of": f"{cell_text(estate.now)} UTC",
        "Jobs and changes of": f"{' to '.join(map(cell_text, window))} UTC",
        "Subscriptions": f"{len(scope.readable)} of {len(scope.asked)} answered",
        "Controls": _of(report.controls),
        "Baseline of vaults": _of(report.baseline),
    }
    names = names_of(estate)
    lost = [names.get(one.lower(), one) for one in scope.unreadable]
    alarm = ""
    if lost:
        alarm = (
            f'<p class="note bad">Not readable: {escape(printable(", ".join(lost)))}. '
            "Nothing in this report tells of what is there.</p>"
        )
    for name, why in estate.source.refused.items():
        alarm += (
            f'<p class="note bad">The table {escape(name)} could not be read: {escape(printable(why))}. '
            "What needs it is not answered, and says so in its place.</p>"
        )
    return Shown(f'<div class="cover">{facts(said)}</div>{alarm}', f"as of {cell_text(estate.now)} UTC")


def drawn(frame: pandas.DataFrame) -> pandas.DataFrame:
    """The frame for a chart, whose caption then counts what backups are of; all tables are in the appendix."""
    made = frame.copy(deep=False)
    told = dict(frame.attrs.get(KEY) or {})
    tables = told.get("tables") or {}
    made.attrs = {KEY: Told(told | {"tables": {name: tables[name] for name in _COUNTED if name in tables}})}
    return made


def _of(given: Any) -> str:
    """Which rules things are held against."""
    if given is None:
        return "those that come with dpmagic"
    return Path(given).name if isinstance(given, (str, Path)) else "as given"


def names_of(estate: Any) -> dict[str, str]:
    """Names of subscriptions by id in lower case, where they are known."""
    if not estate.has("subscriptions"):
        return {}
    found = estate.subscriptions()
    return {str(one).lower(): str(name) for one, name in zip(found["subscriptionId"], found["name"], strict=True)}


def worst(findings: pandas.DataFrame, most: int, advice: Mapping[str, str]) -> Shown:
    """The first ``most`` things that something is found of, each with what it rests on and what to do.

    What else is found of the same backup instance stands below it, and what to do is Microsoft's ``advice``, by the
    instance's id in lower case, and the first command that any of them has.
    """
    if not len(findings):
        return Shown('<p class="note good">No findings.</p>', "no findings")
    counts = findings["severity"].value_counts()
    tally = "".join(
        f'<li class="tone {tone}"><b>{counts[level]:,}</b> {escape(meaning)}</li>'
        for level, (tone, meaning) in SEVERITIES.items()
        if counts.get(level)
    )
    things: dict[str, list[dict[str, Any]]] = {}
    rows: Any = findings.to_dict("records")
    for row in rows:
        things.setdefault(_thing(row), []).append(row)
    first = list(things.items())[:most]
    items = "".join(_finding(found, advice.get(thing, "")) for thing, found in first)
    left = len(findings) - sum(len(found) for _, found in first)
    more = f"; the other {left:,} in tables/findings.parquet" if left else ""
    told = (
        f'<p class="more">these {len(first)} stand for {len(findings) - left:,} of {len(findings):,} findings{more}</p>'
    )
    return Shown(f'<ul class="tally">{tally}</ul><ol class="findings">{items}</ol>{told}', f"{len(findings)} findings")


def _thing(row: Mapping[str, Any]) -> str:
    return str(row["backupInstanceId"] if cell_text(row["backupInstanceId"]) else row["id"]).lower()


def _since(row: Mapping[str, Any]) -> str:
    """When it began, as far as it is known: a bound is told as one."""
    words = {"after": "began after", "before": "since before"}
    at = cell_text(row["since"])
    return f"{words.get(str(row['sinceIs']), 'since')} {at} UTC" if at else ""


def _finding(found: list[dict[str, Any]], advice: str) -> str:
    row = found[0]
    tone, meaning = SEVERITIES.get(row["severity"], ("unknown", ""))
    about = [spoken(cell_text(row["kind"])), row["evidence"], _since(row)]
    about.append(f"owner {cell_text(row['owner'])}" if cell_text(row["owner"]) else "")
    details = [
        cell_text(row["detail"]),
        *(f"{spoken(cell_text(one['reason']))}: {cell_text(one['detail'])}" for one in found[1:]),
    ]
    command = next((str(one["command"]) for one in found if cell_text(one["command"])), "")
    told = printable(advice) or ("" if command else "nothing is known that would help")
    fix = f"<p>→ {escape(told)}</p>" if told else ""
    fix += f"<pre>{escape(printable(command))}</pre>" if command else ""
    return (
        f'<li><p><span class="tone {tone}" title="{meaning}">{escape(spoken(cell_text(row["reason"])))}</span> '
        f"<b>{escape(cell_text(row['name']))}</b> "
        f"<small>{escape(' · '.join(text for one in about if (text := cell_text(one))))}</small></p>"
        f"<p>{escape('; '.join(text for text in details if text))}</p>{fix}</li>"
    )

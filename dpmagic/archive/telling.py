"""A comparison as text that people read: Markdown to post in a channel, or a small page."""

from __future__ import annotations

import math
import re
from html import escape
from typing import Any

import pandas

from dpmagic.errors import InvalidArgument
from dpmagic.estate.completeness import KEY

_TITLES = {"new": "New", "fixed": "Fixed", "changed": "Changed", "open": "Still open"}
MOST = 20
"""Lines of a section; the others are counted."""


def markdown(found: pandas.DataFrame, most: int = MOST) -> str:
    """A frame of `compare` as Markdown fit to post in a channel: a headline with counts, then a section each of what is
    new, fixed, changed and still open, the worst first, in at most so many lines.

    Raises `InvalidArgument` for any other frame.
    """
    told = found.attrs.get(KEY, {}) if isinstance(found, pandas.DataFrame) else {}
    if "counts" not in told:
        raise InvalidArgument("the frame is not one of compare's", "give what dpmagic.compare gave, or rows of it")
    counts = told["counts"]
    lines = [f"### Backups from {_when(told['from'])} to {_when(told['to'])}", ""]
    lines += [" · ".join(f"**{counts[change]} {_TITLES[change].lower()}**" for change in _TITLES)]
    for note in told["notes"]:
        lines += ["", f"_{_inert(note)}_"]
    for change, title in _TITLES.items():
        rows = found[found["change"] == change]
        if len(rows):
            lines += ["", f"**{title}**", ""]
            lines += [f"- {_line(row)}" for row in rows.head(most).to_dict("records")]
            lines += [f"- and {len(rows) - most} more"] if len(rows) > most else []
    return "\n".join(lines) + "\n"


def _line(row: Any) -> str:
    name, reason = _inert(_known(row["name"]) or _known(row["id"])), _inert(_known(row["reason"]))
    said = [f"**{name}** ({_inert(row['kind'])}): {reason}"]
    if row["change"] == "changed" and (_known(row["before"]) or _known(row["after"])):
        said.append(f"from {_short(row['before'])} to {_short(row['after'])}")
    elif _known(row["detail"]):
        said.append(_inert(row["detail"]))
    if lasted := _lasted(row):
        said.append(f"for {lasted}")
    return ", ".join(said) + (f"; owner {_inert(row['owner'])}" if _known(row["owner"]) else "")


def page(found: pandas.DataFrame) -> str:
    """The comparison as one HTML page that needs nothing from elsewhere."""
    told = found.attrs[KEY]
    columns = ["change", "kind", "name", "owner", "reason", "detail", "before", "after", "since", "lasted", "id"]
    head = "".join(f"<th>{name}</th>" for name in columns)
    body = "".join(
        f"<tr class='{escape(str(row['change']))}'>{''.join(_td(row[name]) for name in columns)}</tr>"
        for row in ({**row, "since": _since(row), "lasted": _lasted(row)} for row in found.to_dict("records"))
    )
    counts = ", ".join(f"{told['counts'][change]} {title.lower()}" for change, title in _TITLES.items())
    notes = "".join(f"<p>{escape(note)}</p>" for note in told["notes"])
    title = f"Backups from {_when(told['from'])} to {_when(told['to'])}"
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1><p>{escape(counts)}</p>{notes}"
        f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></html>"
    )


_STYLE = (
    ":root{color-scheme:light dark}body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;padding:0 1em;"
    "max-width:90em}h1{font-size:1.3em}table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;"
    "padding:.25em .7em;border-bottom:1px solid #8886;overflow-wrap:anywhere}.wide{overflow-x:auto}"
    "tr.new td:first-child{font-weight:600;color:#d55e00}tr.fixed td:first-child{color:#009e73}"
    "@media print{.wide{overflow:visible}}"
)


def _td(value: Any) -> str:
    return f"<td>{escape(_cell(value))}</td>"


def _cell(value: Any) -> str:
    known = _known(value)
    if known is None:
        return ""
    return str(known)


def _known(value: Any) -> Any:
    return None if value is None or value is pandas.NA or value is pandas.NaT or value != value else value


def _when(moment: Any) -> str:
    return f"{pandas.Timestamp(moment):%Y-%m-%d %H:%M}Z"


def _since(row: Any) -> str:
    """When it began, as far as it is known: ``after`` and ``before`` are bounds."""
    if _known(row["since"]) is None:
        return ""
    word = _known(row["sinceIs"])
    return f"{f'{word} ' if word in ('after', 'before') else ''}{_when(row['since'])}"


def _lasted(row: Any) -> str:
    """How long it has lasted; a bound is told as one, and rounded so that it stays one."""
    if _known(row["lasted"]) is None:
        return ""
    hours = pandas.Timedelta(row["lasted"]) / pandas.Timedelta(hours=1)
    least, most = _known(row["atLeast"]) is True, _known(row["atMost"]) is True
    if hours < 1:
        return "some time" if least else "less than an hour"
    rounded = math.floor if least else math.ceil if most else round
    length = f"{rounded(hours / 24)} days" if hours >= 72 else f"{rounded(hours)} h"
    return f"{'at least ' if least else 'at most ' if most else ''}{length}"


def _short(value: Any) -> str:
    text = _inert(_known(value) or "nothing")
    return text if len(text) <= 60 else f"{text[:57]}..."


def _inert(text: Any) -> str:
    """Text that Markdown and HTML leave as it is."""
    return re.sub(r"([\\`*_\[\]<>#|~&$])", r"\\\1", " ".join(str(text or "").split()))

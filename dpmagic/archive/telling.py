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
_LONG = 60


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
        said.append("from {} to {}".format(*map(_inert, _apart(row["before"], row["after"]))))
    elif _known(row["detail"]):
        said.append(_inert(row["detail"]))
    if lasted := _lasted(row):
        said.append(f"for {lasted}")
    return ", ".join(said) + (f"; owner {_inert(row['owner'])}" if _known(row["owner"]) else "")


def page(found: pandas.DataFrame) -> str:
    """The comparison as one HTML page that needs nothing from elsewhere."""
    told = found.attrs[KEY]
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    body = "".join(
        f"<tr class='{escape(str(row['change']))}'>{_name(row)}{''.join(_td(one) for one in _cells(row))}</tr>"
        for row in found.to_dict("records")
    )
    counts = ", ".join(f"{told['counts'][change]} {title.lower()}" for change, title in _TITLES.items())
    notes = "".join(f"<p>{escape(note)}</p>" for note in told["notes"])
    title = f"Backups from {_when(told['from'])} to {_when(told['to'])}"
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'>"
        f"<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1><p>{escape(counts)}</p>{notes}"
        f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></html>"
    )


_COLUMNS = ("name", "change", "kind", "owner", "reason", "detail", "since", "lasted")
_STYLE = (
    ":root{color-scheme:light dark}body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;padding:0 1em;"
    "max-width:90em}h1{font-size:1.3em}table{border-collapse:collapse;width:100%}th,td{text-align:left;"
    "vertical-align:top;padding:.3em .7em;border-bottom:1px solid #8886}td{overflow-wrap:anywhere}"
    "small{display:block;opacity:.75;min-width:22em}td:nth-child(4){min-width:6em}td:nth-child(5){min-width:8em}td:nth-child(6){min-width:12em}"
    "td:nth-child(2),td:nth-child(3),td:nth-child(7),td:nth-child(8){white-space:nowrap}"
    ".wide{overflow-x:auto}"
    "tr.new td:nth-child(2){font-weight:600;color:#d55e00}tr.fixed td:nth-child(2){color:#009e73}"
    "@media print{.wide{overflow:visible}}@media(max-width:62em){table,tbody,tr,td{display:block}thead{display:none}"
    "td{border:0;padding:0;white-space:normal!important;min-width:0!important}td:empty{display:none}small{min-width:0}"
    "tr{padding:.6em 0;border-bottom:1px solid #8886}"
    + "".join(f"td:nth-child({place})::before{{content:'{name}: '}}" for place, name in enumerate(_COLUMNS[1:], 2))
    + "}"
)


def _name(row: Any) -> str:
    """The cell of what it is about: its name, and its id below."""
    name = _known(row["name"]) or ""
    return f"<td><strong>{escape(str(name))}</strong><small>{escape(str(_known(row['id']) or ''))}</small></td>"


def _cells(row: Any) -> list[Any]:
    before, after = _known(row["before"]), _known(row["after"])
    moved = f"from {before or 'nothing'} to {after or 'nothing'}" if before or after else ""
    detail = "; ".join(str(one) for one in (_known(row["detail"]), moved) if one)
    return [row["change"], row["kind"], row["owner"], row["reason"], detail, _since(row), _lasted(row)]


def _td(value: Any) -> str:
    known = _known(value)
    return f"<td>{'' if known is None else escape(str(known))}</td>"


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


def _apart(before: Any, after: Any) -> list[str]:
    """Two values in few words: of long ones, from where they part."""
    texts = [str(_known(one) or "nothing") for one in (before, after)]
    if max(map(len, texts)) <= _LONG:
        return texts
    alike = next((place for place, pair in enumerate(zip(*texts, strict=False)) if len({*pair}) > 1), 0)
    same = texts[0][:alike]
    begin = max((same.rfind(mark) + len(mark) for mark in ("/", "{", "[", ", ") if mark in same), default=0)
    cut = "..." if begin and not same.startswith("/") else ""
    return [_short(cut + text[begin:]) for text in texts]


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."


def _inert(text: Any) -> str:
    """Text that Markdown and HTML leave as it is, and that leaves the direction of what follows."""
    told = re.sub("[\u202a-\u202e\u2066-\u2069]", "", " ".join(str(text or "").split()))
    return re.sub(r"([\\`*_\[\]<>#|~&$])", r"\\\1", told)

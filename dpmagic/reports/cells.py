"""Frames and facts as HTML that is read, prints, and does nothing: whatever a name holds, it is text."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any

import pandas

from dpmagic.charts.axis import duration_text
from dpmagic.reports.wording import heading, spoken

_MOST = 140  # characters of a cell; the whole of it is in the files
_LONG = 14  # characters of a name that stays on one line
_WIDEST = 24  # characters that a column can have no fewer than
_SEAM = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[-_/:,])(?=\w)")
"""Where one word of a name ends and the next begins."""
_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")  # Unicode's classes of direction
_SHARES = ("share", "rate", "low", "high", "adherence", "cumulative", "compliance", "shareGiB")
"""Columns that hold a part of one, which people read in percent."""
_WHOLE = ("command", "notes")
"""Columns of texts of which half is of no use."""
_FINE = ("delay",)
"""Lengths of time of which a limit is close: two hours and a little are not two hours."""
_BOUNDS = ("low", "high")
"""Columns that do so only beside another such."""

_TONES = {
    **dict.fromkeys(("pass", "within", "tested", "met"), "good"),
    **dict.fromkeys(
        ("fail", "breached", "noPoint", "failed", "orphan", "error", "missing", "tooShort", "full", "refused"), "bad"
    ),
    **dict.fromkeys(("not verifiable", "unverifiable", "inferred"), "unknown"),
    **dict.fromkeys(("excepted", "late", "stale", "stuck", "missed", "not tested", "surplus", "willFill"), "fair"),
}
"""Words of verdicts, and how they are coloured."""


@dataclass(frozen=True)
class Shown:
    """HTML that a notebook shows; ``text`` is for where there is none."""

    html: str
    text: str = ""

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text or "HTML"


def cell_text(value: Any, column: str = "") -> str:
    """One value as people read it: ``""`` for nothing, UTC to the minute, one unit for lengths of time.

    >>> cell_text(pandas.Timestamp("2026-03-01T08:30Z")), cell_text(pandas.Timedelta("90min")), cell_text(12345)
    ('2026-03-01 08:30', '1.5 h', '12,345')
    >>> cell_text(0.98765, "share"), cell_text(pandas.NA), cell_text(["a", "b"]), cell_text(89727.1), cell_text(1.5)
    ('98.8 %', '', 'a, b', '89,727', '1.5')
    """
    if isinstance(value, (list, dict)):
        return _short(_nested(value))
    if value is None or value is pandas.NaT or value is pandas.NA or value != value:  # NaN alone is not itself
        return ""
    if isinstance(value, (bool, str)):
        text = printable if column in _WHOLE else _short
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else text(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, timedelta):
        return duration_text(value.total_seconds(), 3 if column in _FINE else 2)
    return _number(value, column)


def _number(value: Any, column: str) -> str:
    if column == "daysUntilFull":
        return f"{value:,.0f}" if value >= 1 else "under 1"
    if float(value).is_integer() and column not in _SHARES:
        return f"{int(value):,}"
    if column in _SHARES:
        return f"{value:.1%}".replace("%", " %")
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"


def _nested(value: Any) -> str:
    plain = isinstance(value, list) and all(isinstance(one, (str, int)) for one in value)
    return ", ".join(map(str, value)) if plain else json.dumps(value, ensure_ascii=False, default=str)


def _short(text: str) -> str:
    shown = printable(text)
    if shown.startswith("/subscriptions/") and shown.count("/") > 6:  # of an id, what tells it from its neighbours
        shown = f"…/{'/'.join(shown.rsplit('/', 3)[1:])}"
    return shown if len(shown) <= _MOST else f"{shown[: _MOST - 1]}…"


def printable(text: str) -> str:
    """The text without what would turn its direction around, or is no character at all; a line's end is a space.

    >>> printable("a\\nb\u202ec\x1b")
    'a b\ufffdc\ufffd'
    """
    return "".join(" " if one in "\r\n\t" else "\ufffd" if _unseen(one) else one for one in text)


def _unseen(one: str) -> bool:
    return unicodedata.category(one) in ("Cc", "Cs") or unicodedata.bidirectional(one) in _TURNS


def table(frame: pandas.DataFrame, columns: Sequence[str] = (), rows: int = 15, more: str = "") -> Shown:
    """The first ``rows`` of a frame, of ``columns`` those that it has; below them how many there are, and ``more``."""
    names = [name for name in columns if name in frame] or [str(name) for name in frame.columns]
    head = frame.head(rows)[names]
    dtypes = dict(zip(map(str, frame.columns), frame.dtypes, strict=True))
    sides = {name: _side(dtypes[name]) for name in names}
    # What is never there needs no room.
    there = head.notna().any().to_numpy() | (len(head) == 0)
    names = [name for name, known in zip(names, there, strict=True) if known or name in columns[:1]]
    if "since" in names and "sinceIs" in names:
        head = head.assign(since=_since(head))
        names.remove("sinceIs")
    tops = "".join(_top(name, dtypes.get(name), sides[name]) for name in names)
    kinds = {name: "" if name in _BOUNDS and not _shares(frame) else name for name in names}
    body = "".join(_row(values, kinds, sides) for values in head[names].itertuples(index=False, name=None))
    counted = f"{len(frame):,} row{'' if len(frame) == 1 else 's'}"
    said = counted if len(head) == len(frame) else f"{len(head):,} of {counted}"
    if len(frame):
        grid = f'<div class="table" tabindex="0"><table><thead><tr>{tops}</tr></thead><tbody>{body}</tbody></table>'
    else:
        grid = '<div class="table"><p class="none">nothing</p>'
    return Shown(f'{grid}</div><p class="more">{said}{f"; {escape(more)}" if more else ""}</p>', said)


def _top(name: str, dtype: Any, side: str) -> str:
    """A column's head: its name in words, and on its title what it is called in the files."""
    utc = " (UTC)" if isinstance(dtype, pandas.DatetimeTZDtype) else ""
    return f'<th{side} scope="col" title="{escape(name)}">{escape(heading(name))}{utc}</th>'


def _since(head: pandas.DataFrame) -> pandas.Series:
    """Instants, those that are bounds with the word for it."""
    words = {"after": "after ", "before": "before "}
    pairs = zip(head["since"], head["sinceIs"], strict=True)
    texts = [f"{words.get(str(how), '')}{cell_text(at)}" if cell_text(at) else None for at, how in pairs]
    return pandas.Series(texts, index=head.index, dtype="str")


def _shares(frame: pandas.DataFrame) -> bool:
    """Whether a part of one is in the frame, whose bounds are others."""
    return any(name in frame for name in _SHARES if name not in _BOUNDS)


def _row(values: Iterable[Any], kinds: Mapping[str, str], sides: Mapping[str, str]) -> str:
    pairs = zip(values, kinds.items(), strict=True)
    return f"<tr>{''.join(_cell(value, kind, sides[name]) for value, (name, kind) in pairs)}</tr>"


def _cell(value: Any, name: str, side: str) -> str:
    text = cell_text(value, name)
    tone = _TONES.get(text)
    said = spoken(text, name)
    shown = f'<span class="tone {tone}">{escape(said)}</span>' if tone else breakable(said)
    return f"<td{side}>{shown}</td>"


def tally(values: pandas.Series[Any]) -> str:
    """How often each value is there, as a list of marks in the colours of verdicts."""
    items = "".join(
        f'<li class="tone {_TONES.get(str(value), "unknown")}"><b>{count:,}</b> {escape(spoken(str(value)))}</li>'
        for value, count in values.value_counts().items()
    )
    return f'<ul class="tally">{items}</ul>' if items else ""


def breakable(text: str) -> str:
    """The text as HTML whose long names may go on in the next line: between their words, else where they must.

    >>> breakable("UserErrorSnapshotRGNotFound"), breakable("<b>"), breakable("recoveryPoint")
    ('User<wbr>Error<wbr>Snapshot<wbr>RG<wbr>Not<wbr>Found', '&lt;b&gt;', 'recoveryPoint')
    >>> breakable("a" * 30)
    'aaaaaaaaaaaaaaaaaaaaaaaa<wbr>aaaaaa'
    """
    return "".join("<wbr>".join(map(escape, _parts(word))) for word in re.split(r"(\s+)", text))


def _parts(word: str) -> list[str]:
    parts = _SEAM.split(word) if len(word) > _LONG else [word]
    return [part[at : at + _WIDEST] for part in parts for at in range(0, max(1, len(part)), _WIDEST)]


def _side(dtype: Any) -> str:
    """The class of a column's cells: numbers and lengths of time stand right, times stay on one line."""
    if isinstance(dtype, pandas.DatetimeTZDtype):
        return ' class="time"'
    counts = pandas.api.types.is_numeric_dtype(dtype) or pandas.api.types.is_timedelta64_dtype(dtype)
    number = counts and not pandas.api.types.is_bool_dtype(dtype)
    return ' class="number"' if number else ""


def facts(pairs: Mapping[str, Any]) -> str:
    """Names and values as a list of definitions; those without a value are left out."""
    items = [(escape(name), escape(cell_text(value))) for name, value in pairs.items() if cell_text(value)]
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{text}</dd>' for name, text in items)}</dl>"


def note(text: str, tone: str = "") -> Shown:
    """A line apart: what could not be answered, and why."""
    return Shown(f'<p class="note {tone}">{escape(text)}</p>', text)

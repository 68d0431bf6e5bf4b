"""The evidence appendix: what was asked in which words, by which versions, what was counted, and the files' sums."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from html import escape
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas

from dpmagic.estate.columns import tables
from dpmagic.estate.completeness import KEY
from dpmagic.output import write as write_file
from dpmagic.reports.cells import Shown, facts, printable, table
from dpmagic.reports.files import sum_of, sums_below, workbook, write_tables

if TYPE_CHECKING:
    from dpmagic.reports.contents import Report

_PACKAGES = ("dpmagic", "pandas", "pyarrow", "numpy", "scipy", "matplotlib", "azure-mgmt-resourcegraph", "nbconvert")
WORKBOOK, SUMMARY = "report.xlsx", "summary.json"


def write(report: Report) -> Shown:
    """Write what `Report.write` says, and give the appendix."""
    folder = Path(report.folder)
    files = write_tables(report.answers, folder, report.csv)
    files += [one for pattern in ("estate/*.parquet", "sizes.parquet") for one in sums_below(folder, pattern)]
    listed = pandas.DataFrame(files, columns=["table", "file", "rows", "sha256"])
    book = workbook(report.answers, listed, report.estate.now)
    (folder / WORKBOOK).write_bytes(book)
    write_file({**report.summary(), "files": files}, folder / SUMMARY)
    parts = (_population(report), _held(report), _asked(report), _files(listed), _versions(), _queries(report))
    return Shown("".join(parts), f"{len(files)} files")


def _part(title: str, html: str) -> str:
    return f"<h3>{escape(title)}</h3>{html}"


def _population(report: Report) -> str:
    """How many things there are of what, and which of them are left out on purpose."""
    shown = ""
    if "coverage" in report.answers:
        whole = report.frame("coverage")[["disks", "excluded", "unsupported", "eligible", "effective"]].sum()
        shown = facts({str(name): int(count) for name, count in whole.items()})
    if "exclusions" in report.answers:
        columns = ("kind", "tag", "value", "reason", "by", "until", "expired", "disks")
        shown += table(report.frame("exclusions"), columns, 50, "all in tables/exclusions.parquet").html
    return _part("Population and exclusions", shown or '<p class="none">disks were not counted</p>')


def _held(report: Report) -> str:
    """What things were held against: the controls and the baseline of vaults, whole, as they were given or ship."""
    given = {"controls.yaml": report.controls, "baseline.toml": report.baseline}
    return _part("Controls and baseline", "".join(_rules(name, value) for name, value in given.items()))


def _rules(name: str, given: Any) -> str:
    if isinstance(given, Mapping):
        content = json.dumps(given, indent=1, default=str).encode()
    elif given is None:
        content = resources.files("dpmagic.analysis").joinpath(name).read_bytes()
    else:
        content = Path(given).expanduser().read_bytes()
    whose = {"of": "dpmagic's own" if given is None else "as given", "SHA-256": sum_of(content)}
    text = "\n".join(map(printable, content.decode("utf-8").strip().splitlines()))
    return f"<h4>{name}</h4>{facts(whose)}<pre>{escape(text)}</pre>"


def _asked(report: Report) -> str:
    """The tables that were read: rows, of how many, how far back, and what they say of themselves."""
    rows = []
    for name in _read(report):
        told = report.estate.table(name, ()).attrs[KEY]
        shown = {key: told.get(key) for key in ("rows", "of")}
        shown |= {key: pandas.to_datetime(told.get(key), utc=True) for key in ("oldest", "since")}
        empty = len(told["subscriptions"]["empty"])
        notes = "; ".join([*(told.get("notes") or []), *_later(report, name, told["rows"])])
        rows.append({"table": name, **shown, "emptySubscriptions": empty, "notes": notes})
    rows += [{"table": name, "notes": f"not read: {why}"} for name, why in report.estate.source.refused.items()]
    columns = ["table", "rows", "of", "oldest", "since", "emptySubscriptions", "notes"]
    return _part("Tables that were read", table(pandas.DataFrame(rows, columns=columns), columns, 50).html)


def _later(report: Report, name: str, rows: int) -> Iterator[str]:
    """A note of the rows since the window's end: they were read with the others, and are in the file."""
    estate, now = report.estate, report.estate.over((report.estate.window.start, report.estate.now))
    if tables()[name].time and now.kept.find(name, now.window, frozenset()):
        more = now.table(name, ()).attrs[KEY]["rows"] - rows
        if more:
            yield f"{more:,} more, from {estate.window.end:%Y-%m-%d %H:%M} UTC to now, for what is so now"


def _read(report: Report) -> list[str]:
    read = report.estate.completeness["tables"]
    return [name for name in tables() if name in read]


def _files(listed: pandas.DataFrame) -> str:
    items = "".join(
        f"<tr><td>{escape(file)}</td><td class='number'>{rows:,}</td><td><code>{sha256}</code></td></tr>"
        for file, rows, sha256 in zip(listed["file"], listed["rows"], listed["sha256"], strict=True)
    )
    head = "<thead><tr><th scope='col'>file</th><th class='number' scope='col'>rows</th><th scope='col'>SHA-256</th>"
    return _part(
        "Files", f'<div class="table" tabindex="0"><table>{head}</tr></thead><tbody>{items}</tbody></table></div>'
    )


def _versions() -> str:
    return _part("Versions", facts({"Python": platform.python_version(), **{one: version(one) for one in _PACKAGES}}))


def _queries(report: Report) -> str:
    """Each table's query as it was sent; those without one are read by ARM, or were given."""
    texts: dict[str, Any] = {name: report.estate.table(name, ()).attrs[KEY].get("kql") for name in _read(report)}
    shown = "".join(f"<h4>{escape(name)}</h4><pre>{escape(text.strip())}</pre>" for name, text in texts.items() if text)
    others = [name for name, text in texts.items() if not text]
    if others:
        shown += f'<p class="none">without a query (read by ARM, or given): {escape(", ".join(others))}</p>'
    return _part("Queries of Azure Resource Graph", shown)

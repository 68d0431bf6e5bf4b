"""The data dictionary: every table and column as a page of Markdown, from ``columns.toml`` and the views.

``python -m dpmagic.estate.dictionary docs/tables.md`` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from dpmagic.estate.columns import Column, Table, tables
from dpmagic.estate.views import VIEWS

_TITLE = """\
<!-- Made by `make docs` from dpmagic/estate/columns.toml and the views: change those, not this. -->

# Tables

`dpmagic.open()` gives an estate; each of its tables is a method, and a pandas DataFrame with a row for each object:

```python
import dpmagic

dpmagic.connect_sandbox()
estate = dpmagic.open(window="7d")
jobs = estate.jobs()
jobs.groupby("status").size()
jobs.attrs["dpmagic"]  # what was asked, what answered, how many rows of how many
```

Columns and dtypes are the same whatever comes, also when nothing does. Names are Azure's. Times are in UTC and cut to
the microsecond; what .NET calls unset is missing, and so is empty text. Lists and objects are Python's. Ids are as the
service gives them, whose spelling varies from table to table: compare them in lower case.

A window is half-open: `window="14d"` means the last 14 whole days in UTC, up to the last midnight. It applies to the
tables that say so. `estate.save(DIR)` keeps the tables, `dpmagic.open(DIR)` opens them again, and `Estate.of({"jobs":
frame})` makes an estate of frames that are there.
"""


_HEAD = ("| column | dtype | unit | means | from |", "|---|---|---|---|---|")


def markdown() -> str:
    """The page, ends in a newline."""
    return "\n".join([_TITLE, _contents(), *(_section(one) for one in tables().values())])


def _contents() -> str:
    rows = (f"| [{one.name}](#{one.name}) | {_escaped(one.what)} |" for one in tables().values())
    return "\n".join(["| table | a row is |", "|---|---|", *rows, ""])


def _section(one: Table) -> str:
    window = f" `{one.time}` is what the window goes by." if one.time else ""
    parts = [
        f"## {one.name}\n",
        f"{one.what[0].upper()}{one.what[1:]}. From {one.origin}.{window}\n",
        "\n".join(
            ["| column | dtype | unit | means | from |", "|---|---|---|---|---|", *_rows(one.columns.values()), ""]
        ),
    ]
    if one.name in VIEWS:
        text = files("dpmagic.estate").joinpath(f"kql/{one.name}.kql").read_text(encoding="utf-8")
        parts.append(f"<details><summary>Its view</summary>\n\n```kusto\n{text}```\n</details>\n")
    return "\n".join(parts)


def _rows(columns: Iterable[Column]) -> Iterable[str]:
    for one in columns:
        wire = "" if one.wire == one.name else f"; on the way `{one.wire}`, in seconds"
        yield f"| `{one.name}` | {one.dtype} | {one.unit} | {_escaped(one.what)} | {_escaped(one.source)}{wire} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")

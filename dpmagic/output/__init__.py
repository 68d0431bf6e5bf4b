"""What comes of a command's JSON: ``--query``, ``-o`` and ``> file``, the same in a cell, a shell and a script.

In az a result is shaped (`az_json`), then queried, then printed.  `query`, `text` and `write` take the value as it is:
shaping it again would give a ``resourceGroup`` to whatever ``{id: id}`` has picked.
"""

from __future__ import annotations

from dpmagic.output.formats import text
from dpmagic.output.misreading import nowhere
from dpmagic.output.querying import check_query, query
from dpmagic.output.shaping import az_json, with_resource_group
from dpmagic.output.writing import check_file, write

__all__ = ["az_json", "check_file", "check_query", "nowhere", "query", "text", "with_resource_group", "write"]

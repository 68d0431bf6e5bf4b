"""What a person types is made into what IPython takes, before IPython reads it.

- A trailing ``?`` after a command asks for the command's help; IPython would look for a Python object.
- A cell of the one line ``%%dataprotection job list`` runs; IPython would miss the body.
- ``jobs = %dataprotection job list;`` stores the jobs: an assignment shows nothing, so there is nothing to silence.
"""

from __future__ import annotations

import re

from IPython.core.inputtransformer2 import make_tokens_by_line

_CELL = re.compile(r"%%dataprotection(?=[\s?])")
_HELP = re.compile(r"(?P<indent>\s*)(?:[^#]*?=\s*(?!%%))?(?P<magic>%%?dataprotection(?:\s[^\n]*?)?)\s*\?{1,2}\s*\Z")
_SILENCED = re.compile(r"(?P<stored>[^#]*?=\s*%dataprotection\s[^\n]*?)\s*;\s*\Z")


def as_typed(lines: list[str]) -> list[str]:
    """The lines of a cell, changed where the cell uses our magics in one of these ways."""
    if not any("%dataprotection" in line for line in lines):
        return lines
    if _CELL.match(lines[0]):
        return [_help(lines[0]), *(lines[1:] or ["\n"])]
    if lines[0].startswith("%%"):
        return lines
    changed = {row: new for row, line in enumerate(lines) if (new := _silenced(_help(line))) != line}
    rows = _rows_with_magic(lines) if changed else set()
    return [changed[row] if row in changed and row in rows else line for row, line in enumerate(lines)]


# A cell magic would look finished after its first line, were this done where IPython asks whether a text is complete.
as_typed.has_side_effects = True  # type: ignore[attr-defined]


def _help(line: str) -> str:
    found = _HELP.match(line)
    return f"{found['indent']}{found['magic']} --help\n" if found else line


def _silenced(line: str) -> str:
    found = _SILENCED.match(line)
    return f"{found['stored']}\n" if found else line


def _rows_with_magic(lines: list[str]) -> set[int]:
    """The rows, from 0, with the name of the magic outside texts and comments."""
    tokens = (token for line in make_tokens_by_line(lines) for token in line)
    return {token.start[0] - 1 for token in tokens if token.string == "dataprotection"}

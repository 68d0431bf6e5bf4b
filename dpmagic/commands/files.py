"""Files that people give: their text, whichever of a few ways it was written."""

from __future__ import annotations

import json
from pathlib import Path

SAVE_AS = "save it as UTF-8; PowerShell does with `... | Out-File -Encoding utf8 FILE`"


def text_of(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 as PowerShell's ``>`` and its like write it, with a
    byte-order mark or without.

    Raises `OSError`, and `UnicodeDecodeError` for what is none of it.
    """
    content = path.read_bytes()
    # By the mark or the zeros among the first bytes, as RFC 4627 has it of JSON; it is as good for KQL and options.
    return content.decode(json.detect_encoding(content)).removeprefix("\ufeff")

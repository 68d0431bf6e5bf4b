"""Lists and objects in a frame as JSON text, for files that have no such cells."""

from __future__ import annotations

import json
from typing import Any

import pandas


def nested_as_json(frame: pandas.DataFrame) -> pandas.DataFrame:
    """A copy whose ``object`` columns are ``str``: each value that is not missing, as JSON."""
    made = frame.copy(deep=False)
    for name, dtype in frame.dtypes.items():
        if str(dtype) == "object":
            made[name] = pandas.Series([nested_text(cell) for cell in frame[name]], dtype="str", index=frame.index)
    return made


def has_longer(texts: pandas.Series[Any], most: int) -> bool:
    """Whether a text has more characters than that.  Those of few bytes have not: characters are counted of others."""
    from pyarrow import compute

    longest = compute.max(compute.binary_length(texts.array.__arrow_array__())).as_py()
    return longest is not None and longest > most and bool((texts.str.len() > most).any())


def nested_text(cell: Any) -> str | None:
    """A list or an object as JSON text, None as None."""
    if cell is None:
        return None
    # Half of a surrogate pair is in no encoding; this is how JSON spells it.
    return json.dumps(cell, ensure_ascii=False).encode(errors="backslashreplace").decode()

"""Arrow arrays from buffers: ``pyarrow.array`` imports pandas, which the sandbox does without.

A served sandbox would wait 0.2 s for it at its first query, and keep its memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def texts(values: Sequence[str | None]) -> Any:
    """Texts, of which some may be null.

    >>> texts(["a", None, "Zoë"]).to_pylist()
    ['a', None, 'Zoë']
    """
    import pyarrow as pa

    encoded = [b"" if value is None else value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    known = np.fromiter((value is not None for value in values), bool, len(values))
    if ends[-1] > np.iinfo(np.int32).max:
        raise OverflowError("more than 2 GiB of texts in one column")
    buffers = [_bits(known), pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(b"".join(encoded))]
    return pa.StringArray.from_buffers(len(values), buffers[1], buffers[2], buffers[0])


def numbers(values: NDArray[Any], known: NDArray[np.bool_] | None = None) -> Any:
    """Numbers, or bools; null where they are not known.

    >>> numbers(np.array([1, 2]), np.array([True, False])).to_pylist(), numbers(np.array([True, False])).to_pylist()
    ([1, None], [True, False])
    """
    import pyarrow as pa

    held = np.packbits(values, bitorder="little") if values.dtype == bool else np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None if known is None else _bits(known), pa.py_buffer(held)])


def instants(nanoseconds: NDArray[np.int64], known: NDArray[np.bool_] | None = None) -> Any:
    """Nanoseconds since 1970 as timestamps; null where they are not known."""
    import pyarrow as pa

    return numbers(nanoseconds, known).cast(pa.timestamp("ns"))


def _bits(known: NDArray[np.bool_]) -> Any:
    """A bitmap of what is known; none where all is."""
    import pyarrow as pa

    return None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))

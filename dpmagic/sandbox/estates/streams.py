"""Random numbers that depend on what they are for, and on nothing else.

A draw is keyed by the estate's seed, the lower-cased id of an object, the name of an event and an instant. There is no
generator whose state a further disk could move: the same key gives the same number in any order, on any machine. The
mixing is SplitMix64's finaliser (Steele, Lea and Flood, 2014) over 64-bit integers; quantities come from it by integer
arithmetic alone, so that no version of numpy or of a maths library can round one differently.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..times import SECOND

Keys = NDArray[np.uint64]
Ticks = NDArray[np.int64]

_GOLDEN = 0x9E3779B97F4A7C15
_ALL = 2**64 - 1
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_HEX = np.array([list(f"{byte:02x}".encode()) for byte in range(256)], np.uint8)
_GUID = 36


@lru_cache(4096)
def key(text: str) -> int:
    """64 bits of a name, without regard to case.

    >>> key("/subscriptions/S") == key("/Subscriptions/s")
    True
    """
    return int.from_bytes(blake2b(text.lower().encode(), digest_size=8).digest(), "big")


def keys(texts: Iterable[str]) -> Keys:
    """The keys of many names."""
    return np.array([key.__wrapped__(text) for text in texts], np.uint64)


def draw(seed: int, of: Keys, event: str, at: Ticks | int = 0) -> Keys:
    """64 random bits for each key, for one event at an instant.

    >>> one = draw(7, keys(["a", "b"]), "lag", 5)
    >>> two = draw(7, keys(["b"]), "lag", 5)
    >>> bool(one[1] == two[0]), bool(one[0] == two[0])
    (True, False)
    """
    salt = np.array([(key(event) + seed * _GOLDEN) % 2**64], np.uint64)
    moment = np.atleast_1d(np.asarray(at, np.int64)).view(np.uint64)
    return _mix(_mix(np.atleast_1d(of) ^ _mix(salt)) + _mix(moment))


def share(bits: Keys) -> NDArray[np.int64]:
    """The draws as whole numbers from 0 up to, not including, 2**32."""
    return (bits >> np.uint64(32)).astype(np.int64)


def below(bits: Keys, probability: float) -> NDArray[np.bool_]:
    """Whether each draw falls under the probability."""
    return share(bits) < round(probability * 2**32)


class Spread:
    """A distribution given by its quantiles, linear between them: (percent, value) in rising order.

    >>> Spread((0, 10), (50, 20), (100, 40)).pick(np.array([0, 2**63, 2**64 - 1], np.uint64)).tolist()
    [10, 20, 39]
    """

    def __init__(self, *quantiles: tuple[float, int]) -> None:
        self._places = np.array([round(percent * 2**32 / 100) for percent, _ in quantiles], np.int64)
        self._values = np.array([value for _, value in quantiles], np.int64)

    def pick(self, bits: Keys) -> Ticks:
        """The value at each draw."""
        where = share(bits)
        low = np.searchsorted(self._places, where, side="right") - 1
        begin, end = self._places[low], self._places[low + 1]
        part = ((where - begin) << 20) // (end - begin)
        first = self._values[low]
        return first + ((self._values[low + 1] - first) * part >> 20)


def seconds(*quantiles: tuple[float, float]) -> Spread:
    """A spread of spans, its quantiles in seconds and its values in ticks."""
    return Spread(*((percent, round(value * SECOND)) for percent, value in quantiles))


def guids(high: Keys, low: Keys) -> NDArray[np.uint8]:
    """Guids of version 4 from two draws each, as rows of 36 ASCII characters."""
    digits = np.empty((len(high), 16), np.uint8)
    high, low = marked(high, low)
    digits[:, :8] = high.astype(">u8").view(np.uint8).reshape(-1, 8)
    digits[:, 8:] = low.astype(">u8").view(np.uint8).reshape(-1, 8)
    text = _HEX[digits].reshape(-1, 32)
    spelled = np.full((len(high), _GUID), ord("-"), np.uint8)
    for start, stop, shift in ((0, 8, 0), (8, 12, 1), (12, 16, 2), (16, 20, 3), (20, 32, 4)):
        spelled[:, start + shift : stop + shift] = text[:, start:stop]
    return spelled


def marked(high: Keys, low: Keys) -> tuple[Keys, Keys]:
    """Two draws as the halves of a guid of version 4: its digits in order, so that they sort as its text does."""
    version, variant = np.uint64(0x4000), np.uint64(1 << 63)
    return high & ~np.uint64(0xF000) | version, low & ~np.uint64(3 << 62) | variant


def guid(seed: int, name: str, purpose: str, at: int = 0) -> str:
    """One guid for an object, a purpose and an instant.

    >>> guid(1, "disk", "uniqueId") == guid(1, "DISK", "uniqueId") != guid(2, "disk", "uniqueId")
    True
    """
    high, low = (_draw_one(seed, key(name), event, at) for event in (purpose, purpose + "/low"))
    return str(uuid.UUID(int=high << 64 | low, version=4))


def texts(spelled: NDArray[np.uint8]) -> list[str]:
    """Rows of ASCII characters as strings."""
    width = spelled.shape[1]
    whole = spelled.tobytes().decode("ascii")
    return [whole[start : start + width] for start in range(0, len(whole), width)]


def arrow_texts(parts: Sequence[NDArray[np.uint8]]) -> Any:
    """A ``pyarrow`` array of strings from blocks of ASCII rows set side by side."""
    import pyarrow as pa

    rows = np.concatenate(parts, axis=1) if len(parts) > 1 else np.ascontiguousarray(parts[0])
    count, width = rows.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int64) if count else np.zeros(1, np.int64)
    return pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(rows.tobytes()))


def _draw_one(seed: int, of: int, event: str, at: int) -> int:
    """:func:`draw` for one key, without arrays."""
    salt = (key(event) + seed * _GOLDEN) & _ALL
    return _mix_one((_mix_one(of ^ _mix_one(salt)) + _mix_one(at & _ALL)) & _ALL)


def _mix_one(bits: int) -> int:
    mixed = (bits + _GOLDEN) & _ALL
    mixed = ((mixed ^ (mixed >> 30)) * int(_FIRST)) & _ALL
    mixed = ((mixed ^ (mixed >> 27)) * int(_SECOND)) & _ALL
    return mixed ^ (mixed >> 31)


def _mix(bits: Keys) -> Keys:
    """SplitMix64's finaliser; it wraps around, which numpy keeps silent about for arrays."""
    mixed = bits + np.uint64(_GOLDEN)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))

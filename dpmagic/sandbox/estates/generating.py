"""From a spec to an estate with its history."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .build import start
from .estate import Estate
from .plants import plant
from .reading import read
from .spec import Spec

_KEPT = 4
_LARGE = 1000
#: Estates with their history as they were made, by their pickled specs: who connects again need not make it again.
_MADE: dict[bytes, bytes] = {}


def generate(source: Spec | Mapping[str, Any] | str | Path) -> Estate:
    """The estate of a spec at its ``end``, with its history behind it.

    The source is a spec, its mapping, YAML text, a YAML file, or the name of an estate that comes with the sandbox.
    Raises :class:`EstateError`, one line and a hint, where it cannot be made.

    >>> generate({"subscriptions": [{"name": "Data", "disks": [{"name": "d", "count": 2}]}]}).planted()[0]["kind"]
    'neverProtected'
    """
    spec = read(source)
    key = pickle.dumps(spec)
    made = _MADE.get(key)
    if made is not None:
        again: Estate = pickle.loads(made)
        return again
    estate = _generated(spec)
    # A turn that is still to come may be a function of this very estate; those that can be copied are partial.
    if len(estate.instances) <= _LARGE and all(isinstance(turn, partial) for turn in estate.coming()):
        _MADE[key] = pickle.dumps(estate)
        for old in list(_MADE)[:-_KEPT]:
            _MADE.pop(old, None)
    return estate


def _generated(spec: Spec) -> Estate:
    estate = start(spec)
    estate.generated = len(estate.instances)
    plant(estate)
    estate.advance(spec.end_ticks)
    return estate

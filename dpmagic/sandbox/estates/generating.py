"""From a spec to an estate with its history."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .build import start
from .estate import Estate
from .plants import plant
from .spec import Spec, read


def generate(source: Spec | Mapping[str, Any] | str | Path) -> Estate:
    """The estate of a spec at its ``end``, with its history behind it.

    The source is a spec, its mapping, YAML text, a YAML file, or the name of an estate that comes with the sandbox.
    Raises :class:`EstateError`, one line and a hint, where it cannot be made.

    >>> generate({"subscriptions": [{"name": "Data", "disks": [{"name": "d", "count": 2}]}]}).planted()[0]["kind"]
    'neverProtected'
    """
    spec = read(source)
    estate = start(spec)
    estate.generated = len(estate.instances)
    plant(estate)
    estate.advance(spec.end_ticks)
    return estate

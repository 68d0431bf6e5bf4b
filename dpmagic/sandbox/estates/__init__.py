"""Estates for the sandbox: subscriptions full of disks, vaults and their history, with defects that are known.

:func:`generate` makes one from a short YAML; :class:`Estate` then moves through time. What happened is kept in typed
columns, and documents are made of them when somebody asks.
"""

from __future__ import annotations

from .estate import Estate
from .generating import generate
from .reading import names, read
from .spec import EstateError, Spec

__all__ = ["Estate", "EstateError", "Spec", "generate", "names", "read"]

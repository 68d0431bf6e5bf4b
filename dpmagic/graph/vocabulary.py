"""What Resource Graph's KQL has: its tables, their columns, operators and functions, and the properties of what
backup is about, from ``vocabulary.toml``."""

from __future__ import annotations

import tomllib
from importlib.resources import files

_known = tomllib.loads(files("dpmagic.graph").joinpath("vocabulary.toml").read_text(encoding="utf-8"))

TABLES: tuple[str, ...] = tuple(_known["tables"])
"""The tables, the likeliest first."""
COLUMNS: tuple[str, ...] = tuple(_known["columns"])
"""The columns that every table has."""
OPERATORS: tuple[str, ...] = tuple(_known["operators"])
"""The tabular operators."""
FUNCTIONS: tuple[str, ...] = tuple(_known["functions"])
"""The scalar and aggregate functions that are known to work."""
PROPERTIES: dict[str, tuple[str, ...]] = {kind: tuple(paths) for kind, paths in _known["properties"].items()}
"""Paths below ``properties``, by lower-case resource type."""
TABLE_OF: dict[str, str] = dict(_known["types"])
"""The table that a lower-case resource type is in."""

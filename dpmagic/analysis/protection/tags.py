"""Tags of Azure resources, whose names know no case."""

from __future__ import annotations

from collections.abc import Mapping

import pandas


def tag(tags: pandas.Series, name: str) -> pandas.Series:
    """Each resource's value of a tag as text; missing where it has none.

    >>> tag(pandas.Series([{"Env": "prod"}, None]), "env").tolist()
    ['prod', nan]
    """
    wanted = name.lower()
    return tags.map(lambda found: _value(found, name, wanted)).astype("str")


def _value(tags: object, name: str, wanted: str) -> str | None:
    if not isinstance(tags, Mapping):
        return None
    if name in tags:
        return str(tags[name])
    return next((str(value) for key, value in tags.items() if key.lower() == wanted), None)


def names(tags: pandas.Series) -> list[str]:
    """The tags that any of the resources has."""
    return sorted({key for found in tags if isinstance(found, Mapping) for key in found})

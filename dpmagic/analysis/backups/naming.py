"""The columns by which a row names the instance that it is about."""

from __future__ import annotations

from collections.abc import Mapping

import pandas

from dpmagic.analysis.backups.keys import key

NAMES = ("id", "name", "dataSourceName", "dataSourceId", "vaultName", "subscriptionId")
_SAME = {"id": "backupInstanceId", "name": "backupInstanceFriendlyName"}
FROM_JOBS = tuple(_SAME.get(name, name) for name in NAMES)
"""The columns of jobs that name an instance which is gone."""


def names_of(instances: pandas.DataFrame, jobs: pandas.DataFrame) -> pandas.DataFrame:
    """By the instance's id in lower case, its `NAMES`: as the instance has them, or its last job if it is gone.

    ``name`` is its friendly name.
    """
    there = instances.assign(name=instances["friendlyName"])
    last = jobs.drop_duplicates("instance", keep="last")
    gone = pandas.DataFrame({name: last[column] for name, column in zip(NAMES, FROM_JOBS, strict=True)}).astype("str")
    found = pandas.concat([there[list(NAMES)], gone], ignore_index=True)
    found.index = pandas.Index(key(found["id"]))
    return found[~found.index.duplicated()]


def named(rows: pandas.DataFrame, names: pandas.DataFrame) -> pandas.DataFrame:
    """The rows, which have an ``instance`` in lower case, with the names in front."""
    return names.reindex(rows["instance"]).set_axis(rows.index).join(rows.drop(columns=list(NAMES), errors="ignore"))


def tag_of(tags: object, name: str) -> str | None:
    """The value of a tag, whose name knows no case; None if it is not there.

    >>> tag_of({"Owner": "dba"}, "owner")
    'dba'
    """
    if not isinstance(tags, Mapping):
        return None
    return next((str(value) for known, value in tags.items() if str(known).lower() == name.lower()), None)

"""Jobs by the instance that they back up, and what their durations usually are."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.lengths.jobs import NEEDS, SUCCEEDED

NAMED = ("backupInstanceId", "dataSourceName", "dataSourceId", "vaultName", "subscriptionId")
"""The columns that say whose a job is."""

INSTANCE_NEEDS = (*NEEDS, *NAMED)


def by_instance(jobs: pandas.DataFrame) -> pandas.DataFrame:
    """The jobs with their ``instance`` (id in lower case) and ``seconds``, in order of both it and their start."""
    made = jobs.assign(instance=key(jobs["backupInstanceId"]), seconds=jobs["duration"].dt.total_seconds())
    return made.sort_values(["instance", "startTime"], kind="stable", ignore_index=True)


def succeeded(jobs: pandas.DataFrame) -> pandas.DataFrame:
    """Those that succeeded and took some time: what is usual."""
    found: pandas.DataFrame = jobs[usual(jobs["state"], jobs["seconds"])]
    return found


def usual(states: pandas.Series, seconds: Any) -> Any:
    """Which jobs succeeded and took some time."""
    return (states == SUCCEEDED) & (seconds > 0)

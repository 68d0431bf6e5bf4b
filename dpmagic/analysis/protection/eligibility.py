"""Which disks Azure Disk Backup can protect, and how often at most: Microsoft's support matrix as columns.

Premium SSD v2 and Ultra disks are protected every twelve hours or once a day, all others every hour at most. A disk
encrypted by Azure Disk Encryption (inside the machine, not at rest) is not protected at all, nor is an unmanaged one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import numpy as np
import pandas

from dpmagic.frames.times import looks_like_duration, parse_duration

UNMANAGED = "unmanaged"  # in place of the unique id, which such a disk has not
SLOW_SKUS = ("premiumv2_lrs", "ultrassd_lrs")  # of these two a day at most
_SLOW_PER_DAY = 2
_DAY = timedelta(days=1)


def unsupported(disks: pandas.DataFrame) -> pandas.Series:
    """Why Azure Disk Backup cannot protect each disk; missing where it can.

    A table without ``encryptionSettings`` says nothing of encryption inside machines.
    """
    why = pandas.Series(None, index=disks.index, dtype="str")
    if "encryptionSettings" in disks:
        encrypted = disks["encryptionSettings"].astype("boolean").fillna(False)
        why[encrypted.to_numpy(bool)] = "encrypted by Azure Disk Encryption"
    why[disks["uniqueId"].eq(UNMANAGED).to_numpy(bool)] = "an unmanaged disk: a blob in a storage account"
    return why


def unmanaged(machines: pandas.DataFrame) -> pandas.DataFrame:
    """The unmanaged disks of machines, which are no resources: as rows of disks, under the machine's id."""
    rows = machines[machines["diskId"].isna()]
    slot = rows["lun"].astype("Int64").astype("str").radd("LUN ").fillna("system disk")
    return pandas.DataFrame(
        {
            **{name: rows[name] for name in ("id", "subscriptionId", "resourceGroup", "location", "tags")},
            "name": rows["name"] + " (" + slot + ")",
            "uniqueId": UNMANAGED,
            "lun": rows["lun"],
        }
    )


def is_slow(sku: pandas.Series) -> np.ndarray:
    """Which SKUs take a backup every twelve hours or once a day, and no more."""
    return sku.str.lower().isin(SLOW_SKUS).to_numpy(bool)


def runs_a_day(rules: object) -> float:
    """How many backups a day a policy's rules schedule; 0 for no schedule, or one by months.

    >>> every = {"trigger": {"schedule": {"repeatingTimeIntervals": ["R/2024-01-01T00:00:00+00:00/PT6H"]}}}
    >>> runs_a_day([every])
    4.0
    """
    spans = [text.rsplit("/", 1)[-1] for text in _intervals(rules)]
    lengths = [parse_duration(span) for span in spans if looks_like_duration(span)]  # P1M is none, and seldom enough
    return float(sum(_DAY / length for length in lengths if length))


def _intervals(rules: object) -> Iterable[str]:
    for rule in rules if isinstance(rules, list) else ():
        schedule = ((rule or {}).get("trigger") or {}).get("schedule") or {}
        yield from schedule.get("repeatingTimeIntervals") or ()


def too_often(sku: pandas.Series, per_day: pandas.Series) -> np.ndarray:
    """Which disks have a policy that backs up more often than their SKU allows."""
    return is_slow(sku) & per_day.fillna(0).gt(_SLOW_PER_DAY).to_numpy(bool)

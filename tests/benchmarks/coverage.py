"""Coverage and its gaps by size: processor time, peak memory, and whether they grow with the disks.

Four in five disks are backed up each night, one in fifty of those stopped, one in fifty failing of late; there are 14
days of jobs and snapshots, with the columns that coverage reads.  Each size has a process of its own.
``python -m tests.benchmarks.coverage 100000`` is the large one.
"""

from __future__ import annotations

import itertools
import json
import resource
import subprocess
import sys
from time import process_time
from typing import Any

import numpy as np
import pandas

import dpmagic
from dpmagic.estate import Estate

from ..analysis import disks_by_hand as by_hand

SIZES = (1_000, 10_000)
DAYS = 14
EACH = 500  # disks of a subscription

Numbers = np.ndarray[Any, Any]
Texts = pandas.Series


def tables(disks: int) -> dict[str, pandas.DataFrame]:
    """The tables of so many disks, their vaults, policies and roles."""
    place = np.arange(disks)
    sub, name = (
        _texts(f"{one // EACH:08x}-0000-4000-8000-000000000000" for one in place),
        _texts(map("d{:06d}".format, place)),
    )
    group = "/subscriptions/" + sub + "/resourceGroups/"
    disk = group + "rg" + _texts(map(str, place % 10)) + f"/providers/{by_hand.DISKS}/" + name
    vault = group + "rg-backup/providers/Microsoft.DataProtection/backupVaults/v"
    held = disks * 4 // 5
    rows = pandas.DataFrame(
        {
            "id": vault + "/backupInstances/" + name, "name": name, "subscriptionId": sub, "dataSourceId": disk,
            "vaultId": vault, "policyId": vault + "/backupPolicies/nightly", "resourceGroupId": group + "rg-snapshots",
            "currentProtectionState": _texts(np.where(place % 50 == 7, "ProtectionStopped", "ProtectionConfigured")),
        }
    ).iloc[:held]  # fmt: skip
    subscriptions, vaults = sub.unique(), vault.unique()
    roles = [
        by_hand.role(one, f"/subscriptions/{of}")
        for of in subscriptions
        for one in (by_hand.READER, by_hand.CONTRIBUTOR)
    ]
    return {
        "disks": _like(by_hand.disk("d"), id=disk, name=name, subscriptionId=sub, uniqueId="u" + name),
        "instances": _like(by_hand.instance("d"), **{str(column): rows[column] for column in rows}),
        "vaults": pandas.DataFrame([by_hand.vault(one) for one in vaults]),
        "policies": pandas.DataFrame([by_hand.policy(vault=one) for one in vaults]),
        "subscriptions": pandas.DataFrame([by_hand.subscription(one, f"S-{one[:8]}", ["g"]) for one in subscriptions]),
        "role_assignments": pandas.DataFrame(roles),
        **_nights(rows, name[:held], disk[:held]),
    }


def _nights(instances: pandas.DataFrame, name: Texts, disk: Texts) -> dict[str, pandas.DataFrame]:
    """A job of each instance each night, and the snapshot that it made; the last two nights of some have failed."""
    count = len(instances)
    every = np.tile(np.arange(count), DAYS)
    start = pandas.Series(
        pandas.to_datetime(np.repeat([by_hand.ago(days=day, hours=10) for day in range(DAYS)], count))
    )
    failed = (every % 50 == 11) & (np.arange(len(every)) < 2 * count)
    jobs = pandas.DataFrame(
        {
            "backupInstanceId": _at(instances["id"], every), "operationCategory": "Backup", "startTime": start,
            "status": _texts(np.where(failed, "Failed", "Completed")), "errorCode": None,
            "duration": pandas.Timedelta(minutes=4),
        }
    )  # fmt: skip
    label = ("AzureBackup_" + _at(name, every) + "_" + start.dt.strftime("%Y%m%d"))[~failed]
    snapshots = pandas.DataFrame(
        {
            "id": _at(instances["resourceGroupId"], every)[~failed] + "/providers/Microsoft.Compute/snapshots/" + label,
            "name": label, "incremental": True, "sourceResourceId": _at(disk, every)[~failed],
            "sourceUniqueId": "u" + _at(name, every)[~failed], "timeCreated": start[~failed], "tags": None,
        }
    )  # fmt: skip
    return {"jobs": jobs, "snapshots": snapshots}


def _texts(texts: Any) -> Texts:
    return pandas.Series(list(texts), dtype="str")


def _at(column: Texts, places: Numbers) -> Texts:
    return column.iloc[places].reset_index(drop=True)


def _like(row: dict[str, Any], **columns: Texts) -> pandas.DataFrame:
    """Rows like one, but for the columns given."""
    made = pandas.DataFrame(columns)
    for name, value in row.items():
        if name not in made:
            made[name] = [value] * len(made)
    return made


def one(disks: int) -> dict[str, Any]:
    """What a size takes, in this process."""
    estate = Estate.of(tables(disks), now=by_hand.NOW, window="14d")
    seconds = {}
    for name in ("coverage", "coverage_gaps"):
        began = process_time()
        rows = len(getattr(dpmagic, name)(estate))
        seconds[name] = process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"disks": disks, "gaps": rows, "seconds": seconds, "peak": peak}


def measure(sizes: tuple[int, ...] = SIZES) -> list[str]:
    """Lines for the report."""
    found = []
    for size in sizes:
        command = [sys.executable, "-m", "tests.benchmarks.coverage", str(size), "--json"]
        found.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    lines = ["coverage from tables in memory, 14 nights of jobs and snapshots"]
    for told in found:
        took = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in told["seconds"].items())
        peak = f"peak {told['peak'] / 2**20:,.0f} MiB, tables and all (at most 2,048)"
        lines.append(f"  {told['disks']:>7,} disks  {took}  {told['gaps']:,} gaps, {peak}")
    for before, after in itertools.pairwise(found):
        growth = sum(after["seconds"].values()) / sum(before["seconds"].values())
        lines.append(f"  {after['disks'] // before['disks']}x the disks take {growth:.1f}x the time")
    return lines


if __name__ == "__main__":
    if "--json" in sys.argv:
        print(json.dumps(one(int(sys.argv[1]))))
    else:
        print("\n".join(measure(tuple(map(int, sys.argv[1:])) or SIZES)))

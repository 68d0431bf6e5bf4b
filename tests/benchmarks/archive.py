"""An archive: what collecting a day costs as the folder grows older, and a year of jobs against SQL over its files.

``python -m tests.benchmarks.archive`` measures all; with a folder and a question, what it takes to answer that one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb
import numpy as np
import pandas

import dpmagic
from dpmagic.archive.collect import collect
from dpmagic.archive.compact import compact
from dpmagic.archive.folder import read_manifest, writing
from dpmagic.archive.forms import to_arrow
from dpmagic.archive.manifest import Run
from dpmagic.archive.source import open_archive
from dpmagic.estate.estate import Estate
from dpmagic.estate.window import Window

_START = datetime(2025, 1, 1, tzinfo=UTC)
_DISKS, _A_DAY = 3_000, 6
_VAULT = (
    "/subscriptions/{sub}/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/vault-{vault:02d}"
)


def measure() -> Iterator[str]:
    """Lines of what it costs: a day into a folder of 1 and of 12 months, its size, and percentiles by month."""
    yield "archive: 3,000 disks, six jobs a day"
    with tempfile.TemporaryDirectory() as folder:
        path, seconds = Path(folder) / "archive", {}
        for month in range(1, 13):
            _month(path, month)
            if month in (1, 12):
                compact(path, _first(month + 1))  # as the nights before would have
                seconds[month] = _one_more_day(path, _first(month + 1))
                yield f"  a day's collection after {month:>2} months: {seconds[month]:.2f} s of processor"
        yield f"  growth from 1 to 12 months: {seconds[12] / seconds[1]:.2f}x"
        parts = read_manifest(path).parts
        size = sum(part.bytes for part in parts if part.kind == "rows") / 2**20
        rows = sum(part.rows for part in parts if part.kind == "rows")
        yield f"  {rows / 1e6:.2f} million jobs: {size:,.0f} MiB, {size * 2**20 / rows:.0f} bytes a job"
        yield from _percentiles(path)
        yield "  a question over the year, each in a process of its own"
        for name in QUESTIONS:
            yield f"    {name}: {_alone(path, name)}"


def _jobs(start: datetime, days: int, seed: int) -> pandas.DataFrame:
    """The jobs of so many days, as a table of an estate has them."""
    random = np.random.default_rng(seed)
    n = _DISKS * _A_DAY * days
    disk = np.tile(np.arange(_DISKS), _A_DAY * days)
    began = np.repeat(np.arange(_A_DAY * days), _DISKS) * (86_400 // _A_DAY) + random.integers(2, 90, n)
    first = pandas.Timestamp(start).as_unit("us")
    started = first + pandas.to_timedelta(began * 1_000_000 + random.integers(0, 10**6, n), unit="us").as_unit("us")
    took = pandas.to_timedelta((random.lognormal(5.2, 0.3, n) * 1e6).astype("int64"), unit="us").as_unit("us")
    bits = random.bytes(16 * n).hex()
    guids = [_guid(bits[place : place + 32]) for place in range(0, 32 * n, 32)]
    vaults = [_VAULT.format(sub=f"{one // 5:08d}-1111-4111-8111-111111111111", vault=one) for one in range(20)]
    vault = pandas.Series(vaults, dtype="str").take(disk % 20).reset_index(drop=True)
    names = pandas.Series([f"disk-{one:05d}" for one in range(_DISKS)], dtype="str").take(disk).reset_index(drop=True)
    failed = random.random(n) < 0.01
    return pandas.DataFrame(
        {
            "id": vault + "/backupJobs/" + pandas.Series(guids, dtype="str"),
            "name": guids,
            "subscriptionId": vault.str.slice(15, 51),
            "resourceGroup": "rg-backup",
            "vaultId": vault,
            "vaultName": vault.str.slice(-8),
            "backupInstanceId": vault + "/backupInstances/" + names,
            "backupInstanceFriendlyName": names,
            "dataSourceId": vault.str.slice(0, 67) + "/providers/Microsoft.Compute/disks/" + names,
            "dataSourceName": names,
            "dataSourceType": "Microsoft.Compute/disks",
            "policyId": vault + "/backupPolicies/four-hourly",
            "policyName": "four-hourly",
            "operationCategory": "Backup",
            "status": np.where(failed, "Failed", "Completed"),
            "errorCode": pandas.Series(np.where(failed, "UserErrorLocked", None), dtype="str"),
            "isUserTriggered": False,
            "startTime": started,
            "endTime": started + took,
            "duration": took,
        }
    )


def _guid(bits: str) -> str:
    return f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}"


def _first(month: int) -> datetime:
    return _START.replace(year=_START.year + (month - 1) // 12, month=(month - 1) % 12 + 1)


def _month(path: Path, month: int) -> None:
    """A month of jobs, as its nights' runs and a compaction leave them."""
    start, end = _first(month), _first(month + 1)
    rows = to_arrow(_estate(_jobs(start, (end - start).days, month), end).jobs())
    with writing(path, start, create=True) as writer:
        part = writer.write("jobs", "rows", rows, start, end - timedelta(seconds=1))
        scope = {"asked": 4, "answered": 4, "unreadable": []}
        writer.commit([part], [], Run(month, end, start, "tables", {"jobs": rows.num_rows}, scope, {}))


def _estate(jobs: pandas.DataFrame, now: datetime) -> Estate:
    instances = jobs.drop_duplicates("backupInstanceId")[["backupInstanceId", *_OF_INSTANCES]]
    named = {"backupInstanceId": "id", "backupInstanceFriendlyName": "friendlyName", "dataSourceName": "name"}
    instances = instances.rename(columns=named).assign(
        dataSourceName=instances["dataSourceName"],
        currentProtectionState="ProtectionConfigured",
        oldestRecoveryPoint=pandas.Timestamp(_START),
    )
    policies = pandas.DataFrame({"id": sorted(instances["policyId"].unique())})
    policies["policyRules"] = [_RULES] * len(policies)
    subscriptions = pandas.DataFrame({"id": ["/s/1"], "subscriptionId": ["1"]})
    tables = {"jobs": jobs, "subscriptions": subscriptions, "instances": instances, "policies": policies}
    return Estate.of(tables, now=now, window=Window(now - timedelta(days=30), now))


_OF_INSTANCES = (
    *("backupInstanceFriendlyName", "subscriptionId", "vaultId", "vaultName", "dataSourceId", "dataSourceName"),
    *("dataSourceType", "policyId", "policyName"),
)
_RULES = [
    {
        "objectType": "AzureBackupRule",
        "trigger": {
            "objectType": "ScheduleBasedTriggerContext",
            "schedule": {"repeatingTimeIntervals": ["R/2025-01-01T00:00:00+00:00/PT4H"], "timeZone": "UTC"},
            "taggingCriteria": [{"isDefault": True, "tagInfo": {"tagName": "Default"}, "taggingPriority": 99}],
        },
    }
]


def _one_more_day(path: Path, start: datetime) -> float:
    estate = _estate(_jobs(start, 1, start.toordinal()), start + timedelta(days=1))
    began = process_time()
    collect(estate, path)
    return process_time() - began


_SQL = """SELECT vaultName, date_trunc('month', startTime) AS month, count(*) AS n,
 quantile_cont(durationSeconds, [0.5, 0.95]) AS q FROM read_parquet({files}) WHERE status = 'Completed'
 GROUP BY ALL ORDER BY ALL"""
_KQL = """jobs | where status == 'Completed'
| extend month = startofmonth(startTime)
| summarize n = count(), p50 = percentile(durationSeconds, 50), p95 = percentile(durationSeconds, 95)
  by vaultName, month
| order by vaultName asc, month asc"""


def _percentiles(path: Path) -> Iterator[str]:
    files = [str(path / part.file) for part in read_manifest(path).parts if part.table == "jobs"]
    estate = open_archive(path)
    ours, theirs = [], []
    for _ in range(3):
        began = perf_counter()
        answer: Any = estate.query(_KQL)
        ours.append(perf_counter() - began)
        began = perf_counter()
        duckdb.connect().sql(_SQL.format(files=files)).to_arrow_table()
        theirs.append(perf_counter() - began)
    yield (
        f"  percentiles by vault and month ({len(answer)} rows): {min(ours):.2f} s,"
        f" {min(ours) / min(theirs):.2f}x SQL by hand over the same files"
    )


QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "success rate by month": ("success_rate", {"by": "month"}),
    "durations by vault": ("durations", {}),
    "durations by vault and day": ("durations", {"by": ["vault", "day"]}),
    "concurrency by vault": ("concurrency", {}),
    "duration outliers": ("duration_outliers", {}),
    "long running": ("long_running", {}),
    "failures": ("failures", {}),
    "recoveries": ("recoveries", {}),
    "adherence": ("adherence", {}),
    "missed runs": ("missed_runs", {}),
    "start delays by vault": ("start_delay", {"by": "vaultName"}),
    "duration trends": ("duration_trend", {}),
}
_BY_HAND = {
    "success rate by month": """SELECT date_trunc('month', startTime) AS month, count(*) AS n,
 count(*) FILTER (status = 'Completed') AS succeeded FROM read_parquet({files}) GROUP BY ALL ORDER BY ALL""",
    "durations by vault": """SELECT vaultId, count(*), max(durationSeconds),
 quantile_cont(durationSeconds, [0.5, 0.9, 0.95, 0.99]) FROM read_parquet({files}) WHERE status = 'Completed'
 GROUP BY ALL ORDER BY ALL""",
}


def _alone(path: Path, name: str) -> str:
    command = [sys.executable, "-m", "tests.benchmarks.archive", str(path), name]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip() or told.stderr.strip().splitlines()[-1]


def answer(path: Path, name: str) -> str:
    """What it takes to answer one of `QUESTIONS` over the year: seconds of processor, and the most memory."""
    estate = open_archive(path, window=(_START, _START.replace(year=_START.year + 1)))
    question, options = QUESTIONS[name]
    began, wall = process_time(), perf_counter()
    rows = len(getattr(dpmagic, question)(estate, **options))
    took, lasted = process_time() - began, perf_counter() - wall
    made = f"{rows:,} rows, {lasted:.1f} s, {took:.1f} s of processor, at most {_most():.2f} GiB"
    if name not in _BY_HAND:
        return made
    files = [str(path / part.file) for part in read_manifest(path).parts if part.table == "jobs"]
    began = process_time()
    duckdb.connect().sql(_BY_HAND[name].format(files=files)).to_arrow_table()
    return f"{made}; {took / (process_time() - began):.0f}x SQL by hand"


def _most() -> float:
    """The most memory that this process has had, in GiB; not what the one that began it had."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 2**20


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(answer(Path(sys.argv[1]), sys.argv[2]))
    else:
        for line in measure():
            print(line, flush=True)

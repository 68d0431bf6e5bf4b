"""Estates of one, ten and a hundred thousand disks: made, moved by a day, and asked through Resource Graph.

The largest has 200 subscriptions and, in 14 days, about seven million jobs; 8 GiB must do. Each size is a process
of its own, so that the most memory is its own. ``python -m tests.benchmarks.estates 1000`` does one size alone.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from time import perf_counter, process_time
from typing import Any

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from dpmagic.sandbox import Sandbox
from dpmagic.sandbox.estates import Estate
from dpmagic.sandbox.estates.behaviours import FAILED
from dpmagic.sandbox.times import DAY, SECOND

SIZES = (1_000, 10_000, 100_000)
LIMIT = 5.0  # times hand-written SQL
MEMORY = 8.0  # GiB
ROWS = 100  # disks of one row of the spec


def spec(disks: int) -> dict[str, Any]:
    """An estate of 500 disks a subscription, four in five protected every four hours, with a few defects."""
    policies = {
        f"every-4h-{hour}": {
            "every": "PT4H",
            "start": f"2024-01-01T0{hour}:00:00+00:00",
            "keep": "P7D",
            "daily": "P14D",
        }
        for hour in range(4)
    }
    policies["hourly"] = {"every": "PT2H", "keep": "P5D"}
    names = list(policies)
    subscriptions = []
    for number in range(max(1, disks // 500)):
        rows = [
            {
                "name": f"disk-{row}",
                "count": ROWS,
                "size": 64 << row,
                "vault": "v",
                "policy": names[row],
                "group": f"rg{row}",
            }
            for row in range(5)
        ]
        rows[4] |= {"policy": "hourly", "count": ROWS // 2}
        rows.append({"name": "scratch", "count": ROWS // 2, "group": "rg0"})
        subscriptions.append({"name": f"S{number:03d}", "vaults": {"v": {"policies": names}}, "disks": rows})
    plant = [
        {"kind": "flaky", "share": 0.01, "at": "-14d", "rate": 0.2},
        {"kind": "missed", "share": 0.001, "at": "-3d", "runs": 2},
        {"kind": "stopped", "share": 0.01, "at": "-5d"},
    ]
    return {"seed": 1, "days": 14, "policies": policies, "subscriptions": subscriptions, "plant": plant}


# The last of these is not there on purpose: the disks of the row `scratch` have no instance.
SUCCESS_RATE = """
recoveryservicesresources
| where type == 'microsoft.dataprotection/backupvaults/backupjobs' and properties.operationCategory == 'Backup'
| summarize jobs = count(), ok = countif(properties.status == 'Completed')
    by vault = tostring(properties.vaultName), sub = subscriptionId, day = bin(todatetime(properties.startTime), 1d)
| order by sub asc, vault asc, day asc
"""
SUCCESS_RATE_SQL = """
SELECT count(*), count(*) FILTER (WHERE status = 1), vault, date_trunc('day', started) AS day
FROM jobs GROUP BY vault, day ORDER BY vault, day
"""
UNPROTECTED = """
resources
| where type == 'microsoft.compute/disks'
| extend key = tolower(id)
| join kind=leftouter (
    recoveryservicesresources
    | where type == 'microsoft.dataprotection/backupvaults/backupinstances'
    | project key = tolower(tostring(properties.dataSourceInfo.resourceID)), instance = id
  ) on key
| where isempty(instance)
| project id, name
| order by id asc
"""
UNPROTECTED_SQL = """
SELECT disks.id FROM disks LEFT JOIN instances ON lower(disks.id) = lower(instances.source)
WHERE instances.id IS NULL ORDER BY disks.id
"""
_GRAPH = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = process_time()
    made = work()
    return made, process_time() - started


def _best(work: Callable[[], Any], times: int = 3) -> float:
    """The wall seconds of the best of so many runs, after one to warm up."""
    work()
    spent = []
    for _ in range(times):
        started = perf_counter()
        work()
        spent.append(perf_counter() - started)
    return min(spent)


def _ask(sandbox: Sandbox, query: str) -> dict[str, Any]:
    sandbox.sleep(5)  # the quota
    headers = {"Authorization": "Bearer bench", "Content-Type": "application/json"}
    reply = sandbox.handle("POST", _GRAPH, headers, orjson.dumps({"query": query}))
    assert reply.status == 200, reply.body
    answer: dict[str, Any] = orjson.loads(reply.body)
    return answer


def _database(estate: Estate) -> duckdb.DuckDBPyConnection:
    """The estate as typed tables, for SQL by hand."""
    runs = estate.engine.jobs.everything()
    runs = runs.take((runs["start"] > estate.now - 14 * DAY) & (runs["start"] <= estate.now))
    status = np.where(runs["end"] <= estate.now, np.where(runs["status"] == FAILED, 2, 1), 0)
    vaults: dict[str, int] = {}
    of = np.array([vaults.setdefault(one.vault, len(vaults)) for one in estate.instances], np.int32)
    started = (runs["start"] - 719_162 * DAY) // (SECOND // 1_000_000)
    jobs = {"vault": pa.DictionaryArray.from_arrays(pa.array(of[runs["instance"]]), pa.array(list(vaults)))}
    jobs |= {"status": pa.array(status), "started": pa.array(started).cast(pa.timestamp("us"))}
    instances = {"id": [one.id for one in estate.instances], "source": [one.source for one in estate.instances]}
    connection = duckdb.connect()
    tables = {"jobs": jobs, "instances": instances, "disks": {"id": [one.id for one in estate.disks.values()]}}
    for name, columns in tables.items():
        connection.register("incoming", pa.table(columns))
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
    return connection


def _queries(sandbox: Sandbox, estate: Estate) -> Iterator[tuple[str, float, float]]:
    """Each query's name, its seconds in the sandbox and by hand."""
    sandbox.sleep(600)  # to where no run starts, so that the tables stand
    database = _database(estate)
    for name, query, sql in (
        ("success rate per vault and day", SUCCESS_RATE, SUCCESS_RATE_SQL),
        ("disks without an instance", UNPROTECTED, UNPROTECTED_SQL),
    ):
        by_hand = partial(lambda text: database.execute(text).fetchall(), sql)
        assert _ask(sandbox, query)["totalRecords"] - len(by_hand()) == (3 if sql is UNPROTECTED_SQL else 0)
        yield name, _best(partial(_ask, sandbox, query)), _best(by_hand)


def _steps(estate: Estate) -> None:
    """A thousand steps of a tenth of a second, long after a due time's runs have begun, long before the next."""
    for _ in range(1000):
        estate.advance(estate.now + SECOND // 10)


def one(disks: int) -> dict[str, Any]:
    """The figures of one size: seconds of the processor, but for the queries', bytes and counts."""
    sandbox, seconds = _timed(lambda: Sandbox(estate=spec(disks)))
    estate = sandbox._living.estate
    count = len(estate.engine.jobs)
    told: dict[str, Any] = {"disks": disks, "jobs": count, "seconds": seconds}
    told["bytes"] = (estate.engine.jobs.nbytes + estate.engine.points.nbytes) / count
    told["generated"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    _, told["day"] = _timed(lambda: sandbox.advance("1d"))
    sandbox.advance("2h45m")
    _, told["idle"] = _timed(lambda: _steps(estate))
    told["queries"] = list(_queries(sandbox, estate))
    told["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return told


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    jobs, seconds, day = told["jobs"], told["seconds"], told["day"]
    yield (
        f"estate of {told['disks']:,} disks, 14 days: {jobs:,} jobs in {seconds:.2f} s, {jobs / seconds:,.0f} a second,"
        f" {told['bytes']:.0f} bytes a job with its point, {told['generated']:.2f} GiB (at most {MEMORY:g})"
    )
    yield (
        f"  a day more: {day * 1000:.0f} ms, {day / jobs * 14e6:.2f} us a job of it; a step in which nothing happens:"
        f" {told['idle'] * 1000:.0f} us"
    )
    for name, ours, theirs in told["queries"]:
        ratio = f"{ours / theirs:.1f}x (at most {LIMIT:g}x)"
        yield f"  {name}: {1000 * ours:.1f} ms, SQL by hand {1000 * theirs:.1f} ms: {ratio}"
    yield f"  most memory, queries and all: {told['memory']:.2f} GiB"


def _growth(all_told: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """How many times as long each takes for ten times the disks."""
    steps = " to ".join(f"{told['disks']:,}" for told in all_told)
    for name, member in (("making it", "seconds"), ("a day more", "day"), ("memory", "generated")):
        factors = ", ".join(f"{later[member] / earlier[member]:.1f}x" for earlier, later in pairwise(all_told))
        yield f"  growth from {steps} disks: {name}: {factors}"


def measure(sizes: Sequence[int] = SIZES) -> list[str]:
    """Lines for the report."""
    all_told, lines = [], []
    for size in sizes:
        command = [sys.executable, "-m", "tests.benchmarks.estates", str(size), "--json"]
        all_told.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        lines += _lines(all_told[-1])
    return [*lines, *_growth(all_told)] if len(all_told) > 1 else lines


if __name__ == "__main__":
    if "--json" in sys.argv:
        print(json.dumps(one(int(sys.argv[1]))))
    else:
        print("\n".join(measure([int(size) for size in sys.argv[1:]] or SIZES)))

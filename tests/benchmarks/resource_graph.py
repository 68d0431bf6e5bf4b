"""Resource Graph over typed tables beside hand-written SQL, and pages at any depth, at 1, 10 and 100 thousand disks."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import count, pairwise
from time import perf_counter
from typing import Any

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from dpmagic.sandbox.kql import TypedRows
from dpmagic.sandbox.resourcegraph import ResourceGraph

NOW = datetime(2026, 3, 16, tzinfo=UTC)
DAYS = 14
RUNS = 5  # a day, of each disk
SUBSCRIPTIONS = [f"00000000-0000-4000-8000-{number:012}" for number in range(200)]
LIMIT = 5.0  # times hand-written SQL

SUCCESS_RATE = """
recoveryservicesresources
| where type == 'microsoft.dataprotection/backupvaults/backupjobs' and properties.operationCategory =~ 'backup'
| extend status = tostring(properties.status), vault = tostring(properties.vaultName)
| summarize jobs = count(), ok = countif(status in ('Completed', 'CompletedWithWarnings'))
    by vault, day = bin(todatetime(properties.startTime), 1d)
| extend rate = round(100.0 * ok / jobs, 2)
| order by vault asc, day asc
"""
SUCCESS_RATE_SQL = """
SELECT vaultName, date_trunc('day', startTime) AS day, count(*) AS n,
       count(*) FILTER (WHERE status IN ('Completed', 'CompletedWithWarnings')) AS ok, round(100.0 * ok / n, 2)
FROM jobs WHERE lower(operationCategory) = 'backup' GROUP BY vaultName, day ORDER BY vaultName, day
"""
UNPROTECTED = """
resources
| where type == 'microsoft.compute/disks'
| extend diskId = tolower(id)
| join kind=leftouter (
    recoveryservicesresources
    | where type == 'microsoft.dataprotection/backupvaults/backupinstances'
    | project diskId = tolower(tostring(properties.dataSourceInfo.resourceID)), instance = id
  ) on diskId
| where isempty(instance)
| project id, name
| order by id asc
"""
UNPROTECTED_SQL = """
SELECT id, name FROM disks LEFT JOIN instances ON lower(disks.id) = lower(instances.resourceID)
WHERE instances.instance IS NULL ORDER BY id
"""
PAGED = "recoveryservicesresources | where type endswith 'backupjobs' | project id, name | order by id asc"


def _coded(codes: Any, values: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype("int32")), pa.array(values))


class Estate:
    """So many disks, an instance for 19 of 20, and their jobs of two weeks, as Arrow tables."""

    def __init__(self, disks: int) -> None:
        draw = np.random.default_rng(7)
        owners = [SUBSCRIPTIONS[number * len(SUBSCRIPTIONS) // disks] for number in range(disks)]
        paths = [f"/subscriptions/{owner}/resourceGroups/rg-{n:06}" for n, owner in enumerate(owners)]
        ids = [f"{path}/providers/Microsoft.Compute/disks/disk-{n:06}" for n, path in enumerate(paths)]
        vaults = [f"vault-{number:03}" for number in range(400)]
        homes = [f"{path}/providers/Microsoft.DataProtection/backupVaults" for path in paths]
        instances = [f"{homes[n]}/{vaults[n % 400]}/backupInstances/bi-{n:06}" for n in range(disks) if n % 20]
        whole, protected = np.arange(disks), np.array([n for n in range(disks) if n % 20])
        self.subscriptions = _coded(whole, owners)
        self.disks = pa.table(
            {
                "id": pa.array(ids),
                "name": pa.array([f"disk-{number:06}" for number in range(disks)]),
                "subscriptionId": _coded(whole, owners),
                "diskSizeGB": pa.array(2 ** draw.integers(2, 12, disks)),
                "diskState": _coded(draw.integers(0, 2, disks), ["Attached", "Unattached"]),
            }
        )
        self.instances = pa.table(
            {
                "instance": pa.array(instances),
                "subscriptionId": _coded(protected, owners),
                "resourceID": _coded(protected, [one.replace("/disks/", "/Disks/") for one in ids]),
            }
        )
        self.jobs = self._jobs(draw, protected, owners, homes, vaults)

    def _jobs(self, draw: Any, protected: Any, owners: list[str], homes: list[str], vaults: list[str]) -> pa.Table:
        of = np.repeat(protected, DAYS * RUNS)
        slot = np.tile(np.arange(DAYS * RUNS), len(protected))
        late = draw.integers(0, 600_000_000, len(of))
        start = np.datetime64("2026-03-02", "us") + (slot * (24 // RUNS) * 3_600_000_000 + late).astype("m8[us]")
        statuses = ["Completed", "Failed", "CompletedWithWarnings"]
        return pa.table(
            {
                "home": _coded(of, homes),
                "subscriptionId": _coded(of, owners),
                "vaultName": _coded(of % 400, vaults),
                "number": pa.array(np.arange(len(of))),
                "startTime": pa.array(start),
                "seconds": pa.array(draw.integers(60, 900, len(of)).astype("int32")),
                "status": _coded(draw.choice(3, len(of), p=[0.95, 0.04, 0.01]), statuses),
                "operationCategory": _coded(np.zeros(len(of)), ["Backup"]),
            }
        )

    def rows(self, table: str) -> list[TypedRows]:
        """What :class:`ResourceGraph` reads."""
        name = "lpad(hex(number), 12, '0')"
        jobs = TypedRows(
            self.jobs,
            {
                "id": f"home || '/' || vaultName || '/backupJobs/' || {name}",
                "name": name,
                "type": "'microsoft.dataprotection/backupvaults/backupjobs'",
                "subscriptionId": "subscriptionId",
            },
            {
                "$.vaultName": "vaultName",
                "$.status": "status",
                "$.operationCategory": "operationCategory",
                "$.startTime": "startTime",
                "$.endTime": "startTime + to_seconds(seconds)",
                "$.isUserTriggered": "false",
            },
        )
        instances = TypedRows(
            self.instances,
            {
                "id": "instance",
                "type": "'microsoft.dataprotection/backupvaults/backupinstances'",
                "subscriptionId": "subscriptionId",
            },
            {"$.dataSourceInfo.resourceID": "resourceID"},
        )
        columns = {name: name for name in ("id", "name", "subscriptionId")}
        disks = TypedRows(
            self.disks,
            {**columns, "type": "'microsoft.compute/disks'"},
            {"$.diskSizeGB": "diskSizeGB", "$.diskState": "diskState"},
        )
        return {"resources": [disks], "recoveryservicesresources": [jobs, instances]}[table]

    def database(self) -> duckdb.DuckDBPyConnection:
        """The same as typed tables of DuckDB, for SQL by hand; DuckDB uses all cores there, the sandbox one."""
        connection = duckdb.connect()
        for name in ("disks", "instances", "jobs"):
            connection.register("incoming", getattr(self, name))
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
        return connection


def _seconds(run: Callable[[], object], times: int = 3) -> float:
    """The best of so many runs, after one to warm up."""
    run()
    spent = []
    for _ in range(times):
        started = perf_counter()
        run()
        spent.append(perf_counter() - started)
    return min(spent)


def _by_hand(database: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return database.execute(sql).fetchall()


class Client:
    """Posts queries, each as another caller, so that no quota is spent."""

    def __init__(self, estate: Estate) -> None:
        self._graph = ResourceGraph(estate.rows, lambda: SUBSCRIPTIONS, version=lambda: 1)
        self._callers = count()

    def post(self, query: str, token: str | None = None) -> dict[str, Any]:
        options = {"$skipToken": token} if token else {}
        reply = self._graph.answer({"query": query, "options": options}, NOW, str(next(self._callers)))
        assert reply.status == 200, reply.body
        answer: dict[str, Any] = orjson.loads(reply.body)
        return answer


def _pages(client: Client) -> tuple[float, float, float]:
    """The seconds of the first page, of the second, and of the last whole one."""
    started = perf_counter()
    page = client.post(PAGED)
    first, spent = perf_counter() - started, []
    for _ in range(page["totalRecords"] // 1000 - 1):
        started = perf_counter()
        page = client.post(PAGED, page["$skipToken"])
        spent.append(perf_counter() - started)
    edge = max(1, len(spent) // 10)
    return first, float(np.median(spent[:edge])), float(np.median(spent[-edge:]))


def _growth(sizes: Sequence[int], spent: Mapping[str, list[float]]) -> Iterator[str]:
    """How many times as long each takes for ten times the disks."""
    steps = " to ".join(f"{size:,}" for size in sizes)
    for name, seconds in spent.items():
        factors = ", ".join(f"{later / earlier:.1f}x" for earlier, later in pairwise(seconds))
        yield f"  growth from {steps} disks: {name}: {factors}"


def measure(sizes: tuple[int, ...] = (1_000, 10_000, 100_000)) -> list[str]:
    """Lines for the report."""
    lines = []
    spent: dict[str, list[float]] = {}
    for size in sizes:
        estate = Estate(size)
        client, database = Client(estate), estate.database()
        lines.append(f"resource graph, {size:,} disks, {estate.jobs.num_rows:,} jobs")
        for name, query, sql in (
            ("success rate per vault and day", SUCCESS_RATE, SUCCESS_RATE_SQL),
            ("disks without an instance", UNPROTECTED, UNPROTECTED_SQL),
        ):
            assert client.post(query)["totalRecords"] == len(_by_hand(database, sql))
            ours = _seconds(partial(client.post, query))
            theirs = _seconds(partial(_by_hand, database, sql))
            spent.setdefault(name, []).append(ours)
            lines.append(
                f"  {name}: {1000 * ours:.1f} ms, SQL by hand {1000 * theirs:.1f} ms: "
                f"{ours / theirs:.1f}x (at most {LIMIT:g}x)"
            )
        database.close()
        first, early, late = _pages(client)
        spent.setdefault("the first page of all jobs", []).append(first)
        spent.setdefault("a page by skip token, at the end", []).append(late)
        lines.append(
            f"  all jobs in pages: first {1000 * first:.0f} ms (runs the query), "
            f"early ones {1000 * early:.2f} ms, last ones {1000 * late:.2f} ms: {late / early:.1f}x"
        )
        lines.append(f"  most memory so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")
    return [*lines, *_growth(sizes, spent)]

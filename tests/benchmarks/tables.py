"""Job rows from Resource Graph's pages to a typed frame: beside the SDK and pandas, beside decoding alone, by size.

Pages are made beforehand and served in this process: what is timed is what reads them. Times are of the processor.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from time import process_time
from typing import Any

import orjson
import pandas

from dpmagic.arm.paging import uncollected
from dpmagic.arm.requests import Request, send
from dpmagic.clouds import Cloud, StaticToken
from dpmagic.connection import Connection
from dpmagic.estate import Window
from dpmagic.estate.columns import table
from dpmagic.estate.completeness import Scope
from dpmagic.estate.live import Live
from dpmagic.frames.declared import Declared
from dpmagic.progress import Silent
from dpmagic.sandbox import Reply, http_transport
from dpmagic.sandbox.http_transport import SandboxTransport

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
ENDPOINT = "https://bench.invalid"
PAGE, DISTINCT = 1_000, 20
NOW = datetime(2026, 3, 16, tzinfo=UTC)
WINDOW = Window.of("14d", NOW)
JOBS = table("jobs")
HOME = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-shop"
FAULT = {
    "code": "UserErrorManagedDiskNotFound",
    "message": "The managed disk is not there.",
    "recommendedAction": ["Stop the protection of a disk that was deleted."],
    "isUserError": True,
}


def flat(number: int) -> dict[str, Any]:
    """A job as the view of jobs has it; one in fifty has failed."""
    guid = f"{number:08x}-0000-4000-8000-{number:012x}"
    disk = f"shop-web-{number % 3000:04}"
    start = NOW - timedelta(seconds=120 * (number % 10_000) + 1, microseconds=number % 10**6)
    seconds = 60 + number % 300 + 0.1234567
    failed = number % 50 == 0
    made = {
        "id": f"{HOME}/backupJobs/{guid}",
        "name": guid,
        "subscriptionId": SUBSCRIPTION,
        "resourceGroup": "rg-backup",
        "vaultId": HOME,
        "vaultName": "bv-shop",
        "backupInstanceId": f"{HOME}/backupInstances/{disk}-{disk}-{guid}",
        "backupInstanceFriendlyName": disk,
        "dataSourceId": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-web/providers/Microsoft.Compute/disks/{disk}",
        "dataSourceName": disk,
        "dataSourceType": "Microsoft.Compute/disks",
        "dataSourceLocation": "westeurope",
        "sourceSubscriptionID": SUBSCRIPTION,
        "sourceResourceGroup": "rg-web",
        "policyId": f"{HOME}/backupPolicies/four-hourly",
        "policyName": "four-hourly",
        "operationCategory": "Backup",
        "operation": "Backup",
        "status": "Failed" if failed else "Completed",
        "isUserTriggered": False,
        "startTime": f"{start.replace(tzinfo=None).isoformat(timespec='microseconds')}0Z",
        "endTime": f"{(start + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat(timespec='microseconds')}0Z",
        "durationSeconds": seconds,
        "errorCode": FAULT["code"] if failed else "",
        "errorMessage": FAULT["message"] if failed else "",
        "isUserError": True if failed else None,
        "recommendedAction": FAULT["recommendedAction"] if failed else None,
        "retentionTag": "Default",
        "recoveryPointId": "" if failed else guid.replace("-", ""),
        "errorDetails": [FAULT] if failed else None,
    }
    assert list(made) == list(JOBS.wire.values())
    return made


def nested(number: int) -> dict[str, Any]:
    """The record that such a row is made from."""
    row = flat(number)
    own = ("id", "name", "subscriptionId", "resourceGroup")
    skipped = (*own, "vaultId", "durationSeconds", "errorCode", "errorMessage", "isUserError", "recommendedAction")
    properties = {key: value for key, value in row.items() if key not in skipped}
    tag, point = properties.pop("retentionTag"), properties.pop("recoveryPointId")
    properties |= {
        "duration": "00:03:14.9308791",
        "extendedInfo": {
            "additionalDetails": {"RetentionTag": tag},
            "targetRecoverPoint": {"recoveryPointID": point, "recoveryPointTime": "0001-01-01T00:00:00.0000000Z"},
            "subTasks": [{"taskId": 1, "taskName": "Trigger Backup", "taskStatus": "Completed"}],
        },
    }
    columns = {"type": "microsoft.dataprotection/backupvaults/backupjobs", "tenantId": SUBSCRIPTION, "kind": ""}
    return {**{key: row[key] for key in own}, **columns, "location": "", "properties": properties, "tags": None}


class Pages:
    """Answers every query with pages of jobs, in the format asked for; a few distinct ones, over and over.

    ``spent`` is the time that it took, which is a server's and no reader's.
    """

    def __init__(self, rows: int, make: Callable[[int], dict[str, Any]]) -> None:
        self._rows = rows
        self.spent = 0.0
        self._data: dict[str, list[bytes]] = {"objectArray": [], "table": []}
        for start in range(0, min(rows, DISTINCT * PAGE), PAGE):
            objects = [make(number) for number in range(start, start + PAGE)]
            columns = [{"name": name, "type": "string"} for name in objects[0]]
            cells = [list(one.values()) for one in objects]
            self._data["objectArray"].append(orjson.dumps(objects))
            self._data["table"].append(orjson.dumps({"columns": columns, "rows": cells}))

    @property
    def table(self) -> list[bytes]:
        """The distinct pages in table format: what is decoded where nothing else is done."""
        return self._data["table"]

    def handle(self, method: str, url: str, headers: Any, body: bytes | None) -> Reply:
        started = process_time()
        asked = orjson.loads(body or b"{}")
        options = asked["options"]
        number = int(options.get("$skipToken") or 0)
        pages = self._data[options.get("resultFormat", "objectArray")]
        more = f'"$skipToken":"{number + 1}",' if (number + 1) * PAGE < self._rows else ""
        start = f'{{"totalRecords":{self._rows},"count":{PAGE},"resultTruncated":"false",{more}"data":'
        content = start.encode() + pages[number % len(pages)] + b"}"
        if "strcmp(" in asked["query"]:  # whether there are rows between the pages: there are none
            content = b'{"totalRecords":0,"count":0,"data":{"columns":[],"rows":[]}}'
        self.spent += process_time() - started
        return Reply(200, {"content-type": "application/json", "x-ms-user-quota-remaining": "15"}, content)


def connection(pages: Pages) -> Connection:
    http_transport._BLOCK = 1 << 24  # a page in one piece: how it comes from the network is no reader's matter
    transport = SandboxTransport(pages)  # type: ignore[arg-type]  # all it asks of a sandbox is `handle`
    cloud = Cloud("bench", ENDPOINT, f"{ENDPOINT}/.default")
    return Connection("bench", cloud, StaticToken("t"), transport=transport, default_subscription=SUBSCRIPTION)


def jobs(pages: Pages) -> pandas.DataFrame:
    """What ``estate.jobs()`` does."""
    return Live(connection(pages), Scope([SUBSCRIPTION], [SUBSCRIPTION]), Silent()).table("jobs", NOW, WINDOW)


def objects(pages: Pages) -> pandas.DataFrame:
    """The same from pages of objects, as the SDK asks for them."""
    made, known, found = connection(pages), Declared(JOBS.dtypes, JOBS.wire), []
    path, token = "/providers/Microsoft.ResourceGraph/resources", None
    with uncollected():
        while not found or token:
            options = {"resultFormat": "objectArray", "$skipToken": token}
            answer = send(made, Request("POST", path, {"query": "jobs", "options": options})).json
            found.append(known.pack_objects(answer["data"]))
            token = answer.get("$skipToken")
        return known.frame(list(JOBS.wire.values()), found)


def records(pages: Pages) -> pandas.DataFrame:
    """What ``estate.query("...")`` does with whole records."""
    return Live(connection(pages), Scope([SUBSCRIPTION], [SUBSCRIPTION]), Silent()).query("records", {}, NOW, WINDOW)


def theirs(pages: Pages, form: str = "objectArray") -> pandas.DataFrame:
    """The SDK's client and pandas, as one would write it: every page, no types."""
    from azure.mgmt.resourcegraph import ResourceGraphClient
    from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

    made = connection(pages)
    client = ResourceGraphClient(
        made.credential, ENDPOINT, credential_scopes=[made.cloud.scope], transport=made.transport
    )
    found: list[Any] = []
    token = None
    while True:
        options = QueryRequestOptions(result_format=form, top=PAGE, skip_token=token)
        answer = client.resources(QueryRequest(query="jobs", subscriptions=[SUBSCRIPTION], options=options))
        names = [column["name"] for column in answer.data["columns"]] if form == "table" else []
        found += [dict(zip(names, row, strict=True)) for row in answer.data["rows"]] if names else answer.data
        token = answer.skip_token
        if not token:
            return pandas.json_normalize(found)


Run = Callable[[Pages], object]


def seconds(run: Run, pages: Pages, times: int = 3) -> float:
    """The processor's time of the best of so many runs, without the server's."""
    return by_turns({"": (run, pages)}, times)[""]


def by_turns(runs: Mapping[str, tuple[Run, Pages]], times: int = 5) -> dict[str, float]:
    """The same of several that take turns: what else the machine does meets them alike."""
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for name, (run, pages) in [*runs.items()] * times:
        gc.collect()
        started, served = process_time(), pages.spent
        run(pages)
        spent[name].append(process_time() - started - (pages.spent - served))
    return {name: min(each) for name, each in spent.items()}


@cache
def served(rows: int, make: Callable[[int], dict[str, Any]]) -> Pages:
    return Pages(rows, make)


def decoded(pages: Pages, rows: int) -> None:
    """So many rows in table format decoded, and nothing else."""
    for number in range(rows // PAGE):
        orjson.loads(pages.table[number % len(pages.table)])


def _parts(pages: Pages, rows: int) -> str:
    """Where the time goes once rows are decoded: each text is looked at once more, and columns are put together."""
    known, answers = Declared(JOBS.dtypes, JOBS.wire), [orjson.loads(page) for page in pages.table]
    names = [column["name"] for column in answers[0]["columns"]]

    def packed(_: Pages) -> list[Any]:
        return [known.pack(names, answers[number % len(answers)]["rows"]) for number in range(rows // PAGE)]

    with uncollected():
        packing = seconds(packed, pages)
        whole = seconds(lambda pages: known.frame(names, packed(pages)), pages)
    return f"    rows to Arrow {1000 * packing:.0f} ms, pages to frame {1000 * (whole - packing):.0f} ms"


def _beside_the_sdk(rows: int, times: int) -> list[str]:
    plain, whole = served(rows, flat), served(rows, nested)
    runs: dict[str, tuple[Run, Pages]] = {
        "sdk": (theirs, plain),
        "sdk, table": (partial(theirs, form="table"), plain),
        "sdk, nested": (theirs, whole),
        "table": (jobs, plain),
        "objects": (objects, plain),
        "nested": (records, whole),
    }
    assert {len(run(pages)) for run, pages in runs.values()} == {rows}  # type: ignore[arg-type]
    spent = by_turns({**runs, "decoding": (partial(decoded, rows=rows), plain)}, times)

    def line(ours: str, told: str, *theirs: str) -> str:
        times = ", ".join(f"{spent[one] / spent[ours]:.1f}x faster than {one}" for one in theirs)
        return f"  {told:<26}{1000 * spent[ours]:5.0f} ms: {times}"

    sdk = ", ".join(f"{name} {1000 * spent[name]:.0f} ms" for name in runs if name.startswith("sdk"))
    return [
        f"{rows:,} job rows from pages to frame; the SDK and json_normalize, untyped: {sdk}",
        line("objects", "pages of objects, typed", "sdk") + " (at least 10x)",
        line("table", "estate.jobs(), typed", "sdk", "sdk, table") + " (at least 10x)",
        f"    {spent['table'] / spent['decoding']:.2f}x decoding in table format by orjson,"
        f" {1000 * spent['decoding']:.0f} ms (at most 5x; near 2.5x)",
        _parts(plain, rows) + "; the rest is the SDK's pipeline and letting go of rows",
        line("nested", "nested records, typed", "sdk, nested") + " (at least 4x)",
    ]


def _memory(field: str) -> int:
    """Bytes of this process, now (VmRSS) or at most since `_alone` said so (VmHWM)."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1]) * 1024


def _alone(rows: int) -> None:
    """In a process of its own: the time, the frame's bytes, and how much memory it took at most.

    Memory is the process's resident set, and counts what allocators keep; not what was there before, once a table of
    one page has loaded all modules.
    """
    pages = served(rows, flat)
    jobs(served(PAGE, flat))  # what is loaded at first use is no matter of rows
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the most so far is what is taken now
    before = _memory("VmRSS")
    size = int(jobs(pages).memory_usage(deep=True).sum())
    taken = _memory("VmHWM") - before
    # The first run has the system find memory, which is no matter of rows either.
    spent = by_turns({"jobs": (jobs, pages), "decoding": (partial(decoded, rows=rows), pages)}, 2)
    print(json.dumps([spent["jobs"], size, taken, spent["decoding"]]))


def _by_size(rows: int) -> str:
    command = [sys.executable, "-m", "tests.benchmarks.tables", str(rows)]
    spent, size, taken, alone = json.loads(subprocess.check_output(command))
    return (
        f"  {rows:>9,} rows: {1e6 * spent / rows:.2f} us a row, {spent / alone:.2f}x decoding; frame"
        f" {size / 2**20:,.0f} MiB, {taken / 2**20:,.0f} MiB taken: {taken / size:.2f}x (at most 2x and a page)"
    )


def measure(sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)) -> list[str]:
    """Lines for the report."""
    return [*_beside_the_sdk(10_000, 7), *_beside_the_sdk(100_000, 2), *map(_by_size, sizes)]


if __name__ == "__main__":
    if sys.argv[1:]:
        _alone(int(sys.argv[1]))
    else:
        print("\n".join(measure((10_000, 100_000))))

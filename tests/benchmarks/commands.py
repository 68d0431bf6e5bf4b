"""What the command layer adds to a bare exchange, and long lists beside the SDK's own models."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any

import orjson
from azure.core.rest import HttpRequest
from azure.mgmt.dataprotection import DataProtectionMgmtClient

from dpmagic.arm.ids import vault_path
from dpmagic.clouds import Cloud, StaticToken
from dpmagic.connection import Connection
from dpmagic.execute import one
from dpmagic.sandbox import Reply
from dpmagic.sandbox.http_transport import SandboxTransport
from dpmagic.session import Session
from tests.benchmarks.frames import instance

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
ENDPOINT = "https://bench.invalid"
INSTANCES = vault_path(SUBSCRIPTION, "rg", "v", "backupInstances")


class _Pages:
    """Answers every GET with the pages of one list, made beforehand: all that is timed is what reads them."""

    def __init__(self, items: list[dict[str, Any]], page: int = 1000) -> None:
        starts = range(0, len(items), page)
        self._pages = [
            orjson.dumps(
                {"value": items[start : start + page]}
                | ({"nextLink": f"{ENDPOINT}/page?p={number + 1}"} if start + page < len(items) else {})
            )
            for number, start in enumerate(starts)
        ]

    def handle(self, method: str, url: str, headers: Any, body: bytes | None) -> Reply:
        number = int(url.partition("p=")[2].partition("&")[0]) if "/page?" in url else 0
        return Reply(200, {"content-type": "application/json"}, self._pages[number])


def _connection(items: list[dict[str, Any]]) -> Connection:
    transport = SandboxTransport(_Pages(items))  # type: ignore[arg-type]  # all it asks of a sandbox is `handle`
    cloud = Cloud("bench", ENDPOINT, f"{ENDPOINT}/.default")
    return Connection("bench", cloud, StaticToken("t"), transport=transport, default_subscription=SUBSCRIPTION)


def _median(run: Callable[[], object], times: int) -> float:
    """The median of so many runs, in ms, after two to warm up."""
    run(), run()
    spent = []
    for _ in range(times):
        started = perf_counter()
        run()
        spent.append(perf_counter() - started)
    return 1000 * statistics.median(spent)


def _vault(number: int) -> dict[str, Any]:
    path = vault_path(SUBSCRIPTION, "rg", f"v{number}")
    settings = [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}]
    properties = {"provisioningState": "Succeeded", "storageSettings": settings, "secureScore": "Minimum"}
    return {"location": "westus", "properties": properties, "id": path, "name": f"v{number}", "type": "vaults"}


def _short_list() -> list[str]:
    connection = _connection([_vault(number) for number in range(5)])
    session = Session(connection=connection)
    url = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.DataProtection/backupVaults?api-version=2024-04-01"
    bare = _median(lambda: connection.send(HttpRequest("GET", url), stream=True).read(), 300)
    as_json = _median(lambda: one(["backup-vault", "list", "-o", "json"], session), 300)
    as_frame = _median(lambda: one(["backup-vault", "list"], session), 300)
    return [
        f"backup-vault list of 5, warm: bare exchange {bare:.2f} ms",
        f"  as JSON  {as_json:.2f} ms: {as_json - bare:.2f} ms over it (at most 1), {as_json / bare:.1f}x",
        f"  as frame {as_frame:.2f} ms: {as_frame - bare:.2f} ms over it (at most 3), {as_frame / bare:.1f}x",
    ]


def _long_list(count: int = 10_000) -> list[str]:
    connection = _connection([instance(number) for number in range(count)])
    session = Session(connection=connection)
    words = ["backup-instance", "list", "-g", "rg", "-v", "v"]
    client = DataProtectionMgmtClient(
        StaticToken("t"),  # type: ignore[arg-type]
        SUBSCRIPTION,
        ENDPOINT,
        credential_scopes=[f"{ENDPOINT}/.default"],
        transport=connection.transport,
    )
    sdk = _median(lambda: [one.as_dict() for one in client.backup_instances.list("rg", "v")], 3)
    as_values = _median(lambda: one([*words, "-o", "none"], session), 3)
    as_text = _median(lambda: one([*words, "-o", "json"], session), 3)
    as_frame = _median(lambda: one(words, session), 3)
    assert len(one(words, session).value) == count
    return [
        f"backup-instance list of {count:,}: the SDK's list + as_dict() {sdk:.0f} ms",
        f"  as JSON values {as_values:.0f} ms: {sdk / as_values:.1f}x faster (at least 8x)",
        f"  as the text that az prints, which the SDK's time is without, {as_text:.0f} ms: {sdk / as_text:.1f}x faster",
        f"  with its frame {as_frame:.0f} ms: {sdk / as_frame:.1f}x faster (at least 5x)",
    ]


def measure() -> list[str]:
    """Lines for the report."""
    return [*_short_list(), *_long_list()]

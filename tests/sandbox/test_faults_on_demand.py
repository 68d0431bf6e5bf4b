"""Mishaps on demand: what the SDK makes of each, what dpmagic does, and that none happens unasked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core.exceptions import (
    DecodeError,
    HttpResponseError,
    IncompleteReadError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline.transport import HttpRequest as LegacyRequest
from azure.core.rest import HttpRequest
from azure.mgmt.dataprotection import DataProtectionMgmtClient
from hypothesis import given
from hypothesis import strategies as st

from dpmagic import sandbox
from dpmagic.arm.operations import start
from dpmagic.arm.paging import every_page
from dpmagic.arm.plans import Manner, carry_out
from dpmagic.arm.requests import Request, send
from dpmagic.connection import Connection, connect_endpoint, connect_sandbox
from dpmagic.errors import AzureError, ConnectionFailed, IncompleteAnswer, Interrupted, OutOfTouch
from dpmagic.graph import paging, query
from dpmagic.progress import Silent
from dpmagic.sandbox import Mishap, Mishaps, Sandbox
from dpmagic.sandbox.http_transport import SandboxTransport
from dpmagic.sandbox.messages import Request as Received
from dpmagic.sandbox.mishaps import KINDS
from tests.served import Served, served_sandbox

from .client import (
    BACKUP,
    DISK,
    VAULT,
    WORKLOADS,
    Client,
    allow,
    instance_properties,
    make_vault,
    policy_body,
    protect,
    vault_body,
)
from .test_tutorial import PLACE, Token

SUBSCRIPTIONS = Request("GET", "/subscriptions", api_version="2022-12-01")
KQL = "resources | where type =~ 'microsoft.compute/disks' | project id | order by id asc"
GRAPH = Request(
    "POST",
    "/providers/Microsoft.ResourceGraph/resources",
    {"subscriptions": [WORKLOADS], "query": KQL},
    api_version="2021-03-01",
)
VALIDATE = {"backupInstance": instance_properties()}
CREATE = Request("PUT", VAULT, vault_body(), follow="azure-async-operation", purpose="create the vault")


@pytest.fixture
def connection() -> Connection:
    return connect_sandbox(estate="starter")


def behind(connection: Connection) -> Sandbox:
    found: Sandbox = connection.transport.sandbox
    return found


def goes_wrong(connection: Connection, *mishaps: Mishap, seed: int = 0) -> Mishaps:
    """Switch mishaps on; what is returned says what happened."""
    behind(connection).mishaps = Mishaps(mishaps, seed=seed)
    return behind(connection).mishaps


# Which requests are struck


def story(sandbox: Sandbox) -> list[tuple[int, dict[str, str], bytes]]:
    """Replies to a few requests of every kind."""
    client, replies = Client(sandbox), []
    headers = {"Authorization": "Bearer t"}
    make_vault(client)
    for method, path, body in (
        ("GET", f"{VAULT}?api-version=1", None),
        ("GET", f"/subscriptions/{BACKUP}?api-version=1", None),
        ("GET", f"{VAULT}/backupInstances/none?api-version=1", None),
        ("PUT", f"{VAULT}?api-version=1", json.dumps(vault_body()).encode()),
        ("POST", f"{GRAPH.path}?api-version=1", json.dumps(GRAPH.body).encode()),
    ):
        reply = sandbox.handle(method, path, headers, body)
        replies.append((reply.status, dict(reply.headers), reply.body))
    return replies


def test_nothing_goes_wrong_unasked_and_answers_stay_the_same_to_the_byte() -> None:
    elsewhere = Mishaps([Mishap(kind, where="^GET /elsewhere$") for kind in KINDS])
    assert story(Sandbox()) == story(Sandbox(mishaps=elsewhere))
    assert elsewhere.happened == []
    assert Sandbox().mishaps.mishaps == ()


def strikes(mishaps: Mishaps, count: int = 200) -> list[int]:
    request = Received.read("GET", f"{VAULT}?api-version=1", {"authorization": "Bearer t"}, None)
    return [number for number in range(count) if mishaps.strike(request) is not None]


@given(st.integers(), st.floats(0, 1), st.integers(0, 50), st.none() | st.integers(0, 50))
def test_strikes_are_those_of_the_seed(seed: int, chance: float, skip: int, times: int | None) -> None:
    mishap = Mishap("503", where="backupvaults/", chance=chance, skip=skip, times=times)
    struck = strikes(Mishaps([mishap], seed=seed))
    assert struck == strikes(Mishaps([mishap], seed=seed))
    assert not struck or struck[0] >= skip
    assert times is None or len(struck) <= times
    if chance == 1:
        assert struck == list(range(skip, 200))[:times]


def test_a_chance_is_about_that_share_and_another_seed_strikes_others() -> None:
    half = [strikes(Mishaps([Mishap("503", chance=0.5)], seed=seed), 1000) for seed in (1, 2)]
    assert half[0] != half[1]
    assert all(430 < len(struck) < 570 for struck in half)
    assert strikes(Mishaps([Mishap("503", chance=0.0)])) == []


def test_where_is_looked_for_in_method_and_path_and_the_first_that_strikes_is_the_one() -> None:
    first = Mishap("500", where="^PUT ")
    mishaps = Mishaps([first, Mishap("503", where="BACKUPVAULTS", times=1), Mishap("reset")])
    request = Received.read("GET", f"{VAULT}?api-version=1", {}, None)
    struck = [mishaps.strike(request) for _ in range(2)]
    assert [one.kind for one in struck if one is not None] == ["503", "reset"]
    assert mishaps.happened == [("503", f"GET {VAULT}"), ("reset", f"GET {VAULT}")]


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "504"}, {"kind": "503", "chance": 1.1}, {"kind": "503", "skip": -1}, {"kind": "503", "where": "("}],
)
def test_a_mishap_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Mishap(**wrong)


@given(st.lists(st.builds(Mishap, st.sampled_from(sorted(KINDS)), chance=st.floats(0, 1), times=st.none()), max_size=3))
def test_mishaps_survive_json(mishaps: list[Mishap]) -> None:
    written = json.dumps(Mishaps(mishaps, seed=5).to_json())
    read = Mishaps.from_json(json.loads(written))
    assert (read.mishaps, read.seed) == (tuple(mishaps), 5)


# What the SDK makes of it


@pytest.fixture
def transport() -> SandboxTransport:
    found = sandbox.transport()
    make_vault(Client(found.sandbox))
    return found


def sdk(transport: SandboxTransport, **options: Any) -> DataProtectionMgmtClient:
    return DataProtectionMgmtClient(Token(), BACKUP, transport=transport, **options)


@pytest.mark.parametrize("kind", ["throttled", "throttled-silently", "500", "503", "reset", "slow"])
def test_the_sdk_gets_over_one_that_passes(transport: SandboxTransport, kind: str) -> None:
    transport.sandbox.mishaps = Mishaps([Mishap(kind, where="backupVaults", times=1)])
    assert sdk(transport).backup_vaults.get(*PLACE).name == "TestBkpVault"
    assert transport.sandbox.mishaps.happened == [(kind, f"GET {VAULT}")]


def test_the_sdk_waits_as_long_as_it_is_told(transport: SandboxTransport) -> None:
    transport.sandbox.mishaps = Mishaps([Mishap("throttled", times=2, seconds=17)])
    before = transport.now()
    sdk(transport).backup_vaults.get(*PLACE)
    assert 34 <= (transport.now() - before).total_seconds() < 36


def test_the_sdk_does_not_repeat_a_post_throttled_silently(transport: SandboxTransport) -> None:
    transport.sandbox.mishaps = Mishaps([Mishap("throttled-silently", times=1)])
    response = sdk(transport).send_request(HttpRequest("POST", f"{VAULT}/validateForBackup?api-version=1", json={}))
    assert (response.status_code, "retry-after" in response.headers) == (429, False)


def test_an_answer_that_breaks_off(transport: SandboxTransport) -> None:
    transport.sandbox.mishaps = Mishaps([Mishap("reset")])
    headers, url = {"Authorization": "Bearer t"}, f"https://management.azure.com{VAULT}?api-version=1"
    streamed = transport.send(HttpRequest("GET", url, headers=headers), stream=True)
    assert streamed.status_code == 200
    blocks: list[bytes] = []
    with pytest.raises(IncompleteReadError, match=r"IncompleteRead\(\d+ bytes read, \d+ more expected\)"):
        blocks.extend(streamed.iter_bytes())
    assert 0 < len(b"".join(blocks)) < int(streamed.headers["content-length"])
    for request in (HttpRequest("GET", url, headers=headers), LegacyRequest("GET", url, headers=headers)):
        with pytest.raises(IncompleteReadError):
            transport.send(request)
    with pytest.raises(IncompleteReadError):
        sdk(transport).backup_vaults.get(*PLACE)


def test_an_answer_without_a_body_breaks_off_too(transport: SandboxTransport) -> None:
    transport.sandbox.mishaps = Mishaps([Mishap("reset", where="validateForBackup")])
    request = HttpRequest("POST", f"{VAULT}/validateForBackup?api-version=1", json=VALIDATE)
    with pytest.raises(IncompleteReadError, match="0 bytes read, 1 more"):
        sdk(transport).send_request(request)


def test_truncated_json_is_no_answer(transport: SandboxTransport) -> None:
    transport.sandbox.mishaps = Mishaps([Mishap("truncated", times=1)])
    with pytest.raises(DecodeError):
        sdk(transport).backup_vaults.get(*PLACE)


def test_a_slow_answer_takes_its_time_and_no_more_than_the_client_has(transport: SandboxTransport) -> None:
    transport.sandbox.mishaps = Mishaps([Mishap("slow", seconds=40)])
    before = transport.now()
    sdk(transport).backup_vaults.get(*PLACE)
    assert 40 <= (transport.now() - before).total_seconds() < 41
    before = transport.now()
    request = HttpRequest("POST", f"{VAULT}/validateForBackup?api-version=1", json={})
    with pytest.raises(ServiceResponseTimeoutError):
        sdk(transport).send_request(request, read_timeout=7)
    assert 7 <= (transport.now() - before).total_seconds() < 8


def test_an_expired_token_stays_expired_and_a_new_one_is_taken(transport: SandboxTransport) -> None:
    transport.sandbox.mishaps = Mishaps([Mishap("expired", times=1)])
    for _ in range(2):
        with pytest.raises(HttpResponseError) as refused:
            sdk(transport).backup_vaults.get(*PLACE)
        assert (refused.value.status_code, refused.value.error.code) == (401, "ExpiredAuthenticationToken")
        assert 'error="invalid_token"' in refused.value.response.headers["www-authenticate"]
    url = f"https://management.azure.com{VAULT}?api-version=1"
    assert transport.send(HttpRequest("GET", url, headers={"Authorization": "Bearer new"})).status_code == 200


def test_an_operation_that_never_ends_is_polled_for_ever(transport: SandboxTransport) -> None:
    client = Client(transport.sandbox)
    transport.sandbox.mishaps = Mishaps([Mishap("endless", times=1)])
    made = client.send("PUT", VAULT.replace("TestBkpVault", "Other"), vault_body())
    for _ in range(3):
        transport.sleep(86_400)
        status = client.send("GET", made.headers["azure-asyncoperation"])
        assert (status.body["status"], status.body["endTime"]) == ("Inprogress", "0001-01-01T00:00:00Z")
        assert status.headers["retry-after"] == "30" and "properties" not in status.body
    other = client.send("PUT", VAULT.replace("TestBkpVault", "Third"), vault_body())
    assert client.wait(other)["status"] == "Succeeded", "one operation was to be endless"


def test_a_result_that_never_comes(transport: SandboxTransport) -> None:
    """Where a client follows Location: of the backup service, and of a disk."""
    client = Client(transport.sandbox)
    transport.sandbox.mishaps = Mishaps([Mishap("endless")])
    disk = {"location": "westus", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4}}
    for made in (client.send("POST", f"{VAULT}/validateForBackup", VALIDATE), client.send("PUT", f"{DISK}2", disk)):
        transport.sleep(3600)
        result = client.send("GET", made.headers["location"])
        assert (result.status, result.raw, result.headers["retry-after"]) == (202, b"", "30")
        assert client.send("GET", result.headers["location"]).status == 202
    assert client.send("GET", made.headers["azure-asyncoperation"]).body["status"] == "InProgress"


# What dpmagic does


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"expired", "forbidden"}))
def test_a_read_gets_over_one_that_passes(connection: Connection, kind: str) -> None:
    goes_wrong(connection, Mishap(kind, times=1))
    assert len(every_page(connection, SUBSCRIPTIONS).json["value"]) == 2


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("throttled", AzureError, "TooManyRequests"),
        ("throttled-silently", AzureError, "TooManyRequests"),
        ("500", AzureError, "InternalServerError"),
        ("503", AzureError, "ServiceUnavailable"),
        ("reset", ConnectionFailed, "broke off"),
        ("truncated", ConnectionFailed, "not JSON"),
    ],
)
def test_a_read_that_never_works_is_an_error_and_no_half_answer(
    connection: Connection, kind: str, error: type[Exception], said: str
) -> None:
    happened = goes_wrong(connection, Mishap(kind)).happened
    with pytest.raises(error, match=said):
        send(connection, SUBSCRIPTIONS)
    assert 3 <= len(happened) <= 4


@pytest.mark.parametrize("kind", ["reset", "truncated", "503"])
@pytest.mark.parametrize("times", [1, None])
def test_a_list_is_whole_or_an_error(kind: str, times: int | None) -> None:
    connection = connect_sandbox()
    paged = sandbox.transport(page_size=2)
    object.__setattr__(connection, "transport", paged)
    client = Client(paged.sandbox)
    make_vault(client)
    for number in range(6):
        client.send("PUT", f"{VAULT}/backupPolicies/p{number}", policy_body())
    goes_wrong(connection, Mishap(kind, skip=2, times=times))
    policies = Request("GET", f"{VAULT}/backupPolicies")
    if times:
        names = [one["name"] for one in every_page(connection, policies).json["value"]]
        assert names == ["mypolicy", *(f"p{number}" for number in range(6))]
    else:
        with pytest.raises((ConnectionFailed, AzureError)):
            every_page(connection, policies)


@pytest.mark.parametrize("kind", ["reset", "slow", "truncated"])
def test_a_change_whose_answer_is_lost_is_not_sent_again_and_told_so(connection: Connection, kind: str) -> None:
    """Who asked for a backup must not get two."""
    client = Client(behind(connection))
    allow(client, make_vault(client))
    instance = protect(client)
    backup = Request("POST", f"{instance}/backup", {"backupRuleOptions": {"ruleName": "BackupHourly"}})
    policy = Request("PUT", f"{VAULT}/backupPolicies/other", policy_body())
    happened = goes_wrong(connection, Mishap(kind, where="^P", seconds=400)).happened
    with pytest.raises(ConnectionFailed) as caught:
        send(connection, policy if kind == "truncated" else backup)
    assert len(happened) == 1
    assert "may have done it" in caught.value.hint
    behind(connection).sleep(600)
    jobs = [
        job for job in client.get(f"{VAULT}/backupJobs")["value"] if job["properties"]["operationCategory"] == "Backup"
    ]
    made = client.send("GET", f"{VAULT}/backupPolicies/other").status == 200
    assert (len(jobs), made) == ((0, True) if kind == "truncated" else (1, False)), "it was done all the same"


def test_a_long_change_whose_answer_is_lost_is_told_so(connection: Connection) -> None:
    goes_wrong(connection, Mishap("truncated", where="^PUT", times=1))
    with pytest.raises(ConnectionFailed, match="cannot be read") as caught:
        start(connection, CREATE)
    assert "may have done it" in caught.value.hint
    assert send(connection, Request("GET", VAULT)).json["name"] == "TestBkpVault"


def test_an_expired_token_says_to_sign_in(connection: Connection) -> None:
    goes_wrong(connection, Mishap("expired", times=1))
    with pytest.raises(AzureError, match="ExpiredAuthenticationToken") as caught:
        send(connection, SUBSCRIPTIONS)
    assert (caught.value.status, "az login" in caught.value.hint) == (401, True)


@pytest.mark.parametrize("kind", ["throttled", "500", "503", "reset", "slow", "poll-fails"])
def test_an_operation_goes_on_over_a_poll_that_fails(connection: Connection, kind: str) -> None:
    happened = goes_wrong(connection, Mishap(kind, where="operationStatus", times=2, seconds=3)).happened
    done = start(connection, CREATE).wait(Silent())
    assert done.json["properties"]["provisioningState"] == "Succeeded"
    assert happened


@pytest.mark.parametrize("kind", ["throttled", "500", "reset", "truncated", "expired", "poll-fails"])
def test_polls_that_all_fail_are_told_and_the_operation_can_be_waited_for_again(
    connection: Connection, kind: str
) -> None:
    goes_wrong(connection, Mishap(kind, where="operationStatus"))
    operation = start(connection, CREATE)
    with pytest.raises(OutOfTouch, match="create the vault") as caught:
        operation.wait(Silent())
    assert caught.value.operation is operation
    behind(connection).mishaps = Mishaps()
    assert operation.wait(Silent()).json["properties"]["provisioningState"] == "Succeeded"


class Impatient(Silent):
    """Presses Ctrl-C after an hour on the connection's clock."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.begun = connection, connection.now()

    def stage(self, text: str) -> None:
        if (self.connection.now() - self.begun).total_seconds() > 3600:
            raise KeyboardInterrupt


def test_waiting_for_an_operation_that_never_ends_can_be_stopped(connection: Connection) -> None:
    goes_wrong(connection, Mishap("endless"))
    operation = start(connection, CREATE)
    with pytest.raises(Interrupted, match="Azure goes on to create the vault"):
        operation.wait(Impatient(connection))
    assert not operation.done
    behind(connection).mishaps = Mishaps()
    assert operation.wait(Silent()).json["name"] == "TestBkpVault"


# Pages of Resource Graph


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGE", 2)


@pytest.fixture
def disks(connection: Connection) -> Connection:
    """A connection to a world with six disks."""
    client = Client(behind(connection))
    body = {"location": "westus", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4}}
    for number in range(3):
        client.done("PUT", f"{DISK}-{number}", body)
    return connection


def read(connection: Connection) -> list[str]:
    plan = query.rows(KQL, [WORKLOADS])
    return [row["id"] for row in carry_out(plan, lambda: connection, Manner(Silent())).value]


def naively(connection: Connection) -> list[str]:
    """All pages by token, and no further look."""
    found, options = [], {"$top": 2, "resultFormat": "objectArray"}
    while True:
        request = Request(GRAPH.method, GRAPH.path, {**GRAPH.body, "options": options}, api_version=GRAPH.api_version)
        answer = send(connection, request).json
        found += [row["id"] for row in answer["data"]]
        if "$skipToken" not in answer:
            return found
        options = {"$top": 2, "resultFormat": "objectArray", "$skipToken": answer["$skipToken"]}


def test_rows_that_move_between_pages_are_missed_or_come_twice(disks: Connection) -> None:
    whole = naively(disks)
    assert len(whole) == 6
    goes_wrong(disks, Mishap("row-gone", times=1))
    assert naively(disks) == [*whole[:2], *whole[3:]], "one row was never shown"
    goes_wrong(disks, Mishap("row-came", times=1))
    assert naively(disks) == [*whole[:2], whole[1], *whole[2:]], "one row came twice"


@pytest.mark.parametrize("kind", ["row-gone", "row-came"])
@pytest.mark.usefixtures("small_pages")
def test_rows_that_move_are_read_again(disks: Connection, kind: str) -> None:
    whole = read(disks)
    happened = goes_wrong(disks, Mishap(kind, times=1)).happened
    assert read(disks) == whole
    assert [found for found, _ in happened] == [kind]
    goes_wrong(disks, Mishap(kind))
    assert read(disks) == whole, "it never rests: what a reading missed is asked for by its id"


@pytest.mark.parametrize("kind", ["throttled", "throttled-silently", "500", "503", "reset", "truncated", "slow"])
@pytest.mark.usefixtures("small_pages")
def test_a_query_gets_over_one_that_passes_on_any_page(disks: Connection, kind: str) -> None:
    whole = read(disks)
    for page in range(3):
        goes_wrong(disks, Mishap(kind, where="resourcegraph", skip=page, times=1))
        assert read(disks) == whole


@pytest.mark.usefixtures("small_pages")
def test_a_query_under_all_of_it_gives_all_rows_or_an_error(disks: Connection) -> None:
    """Half of the requests go wrong, in every way: no answer may be a wrong one."""
    whole, whole_answers = read(disks), 0
    kinds = ("throttled", "throttled-silently", "503", "reset", "truncated", "row-gone", "row-came")
    for seed in range(20):
        goes_wrong(disks, *(Mishap(kind, chance=0.1) for kind in kinds), seed=seed)
        try:
            assert read(disks) == whole
            whole_answers += 1
        except (ConnectionFailed, AzureError, IncompleteAnswer):
            continue
    assert whole_answers > 0


# Over the wire


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_sandbox(tmp_path_factory.mktemp("served")) as running:
        yield running


def outcome(act: Callable[[], Any]) -> Any:
    """What came of it: the status, or the error's type."""
    try:
        return act().status_code
    except (HttpResponseError, ServiceResponseError) as error:
        return type(error)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["throttled-silently", "503", "reset", "truncated", "slow", "expired"])
def test_the_wire_shows_the_sdk_what_the_transport_in_the_process_does(served: Served, kind: str) -> None:
    here, there = connect_sandbox(), connect_endpoint(served.url, ca=served.ca, token="t")
    request = Request("POST", f"{VAULT}/validateForBackup", {}).http(here)
    outcomes = []
    for connection, world in ((here, behind(here)), (there, served.sandbox)):
        world.mishaps = Mishaps([Mishap(kind, seconds=2)])
        outcomes.append(outcome(lambda connection=connection: connection.send(request, read_timeout=1, retry_total=0)))
        world.mishaps = Mishaps()
    assert outcomes[0] == outcomes[1]
    expected = {"throttled-silently": 429, "503": 503, "reset": IncompleteReadError, "expired": 401}
    expected |= {"truncated": DecodeError, "slow": ServiceResponseTimeoutError}
    assert outcomes[0] == expected[kind]


def test_dpmagic_gets_over_a_broken_connection(served: Served) -> None:
    connection = connect_endpoint(served.url, ca=served.ca, token="t")
    served.sandbox.mishaps = Mishaps([Mishap("reset", times=2)])
    assert send(connection, SUBSCRIPTIONS).status == 200
    served.sandbox.mishaps = Mishaps([Mishap("reset")])
    with pytest.raises(ConnectionFailed, match="broke off"):
        send(connection, SUBSCRIPTIONS)
    served.sandbox.mishaps = Mishaps()

"""Requests and answers against the sandbox: URLs, errors in all of Azure's shapes, read-only."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.arm.faults import fault
from dpmagic.arm.ids import parse_id, same_id, vault_path
from dpmagic.arm.requests import Request, decode, send
from dpmagic.connection import changes_state, connect_sandbox
from dpmagic.errors import AzureError, ConnectionFailed, InvalidArgument, NotFound, ReadOnly

BACKUP = "11111111-1111-4111-8111-111111111111"
VAULT = vault_path(BACKUP, "testBkpVaultRG", "TestBkpVault")
VAULT_BODY = {
    "location": "westus",
    "identity": {"type": "SystemAssigned"},
    "properties": {"storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}]},
}
NONE = "the service gave no reason"


def test_a_url_carries_query_and_version() -> None:
    request = Request("GET", "/a", query={"$filter": "startDate eq '2024-01-01'"}, api_version="2024-04-01")
    assert request.url == "/a?$filter=startDate%20eq%20'2024-01-01'&api-version=2024-04-01"


def test_an_absolute_url_is_left_alone() -> None:
    link = "https://x.invalid/a?$skipToken=b&api-version=1"
    assert Request("GET", link, api_version="").url == link


@pytest.mark.parametrize(
    ("body", "code", "message", "advice"),
    [
        (b'{"error":{"code":"A","message":"m"}}', "A", "m", ""),
        (b'{"ErrorCode":"B","Message":{"Language":"en","Value":"v"},"Values":[]}', "B", "v", ""),
        (b'{"code":"C","message":"n","details":[{"code":"D","message":"deep"}]}', "C", "n; D: deep", ""),
        (
            b'{"error":{"code":"E","message":"m","additionalInfo":[{"info":{"recommendedAction":["Do this. "]}}]}}',
            "E",
            "m",
            "Do this.",
        ),
        (b'{"error":{"code":"F","additionalInfo":[{"info":{"recommendedAction":"Do that."}}]}}', "F", NONE, "Do that."),
        (b'{"error":{"code":"G","additionalInfo":[{"info":null},{"info":["x"]},null]}}', "G", NONE, ""),
        (b"<html>no json</html>", "HTTP 502", NONE, ""),
        (b"", "HTTP 502", NONE, ""),
        (b"[]", "HTTP 502", NONE, ""),
        (b'{"error":"plain text"}', "HTTP 502", NONE, ""),
    ],
)
def test_every_shape_of_error_is_read(body: bytes, code: str, message: str, advice: str) -> None:
    error = fault(502, body, {"x-ms-request-id": "r-1"})
    assert (error.code, error.service_message, error.hint, error.request_id) == (code, message, advice, "r-1")


def test_a_missing_thing_is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        send(connect_sandbox(), Request("GET", VAULT))
    assert caught.value.status == 404
    assert caught.value.request_id


def test_a_status_that_is_allowed_is_an_answer() -> None:
    assert send(connect_sandbox(), Request("GET", VAULT, allow=(404,))).status == 404


def test_an_answer_that_is_not_json_is_said_so() -> None:
    with pytest.raises(ConnectionFailed, match="not JSON"):
        decode(b'{"value": [')
    assert decode(b"  ") is None


READS_BY_POST = [
    "/providers/Microsoft.ResourceGraph/resources",
    f"{VAULT}/validateForBackup",
    f"{VAULT}/backupInstances/b/validateRestore",
    f"{VAULT}/backupInstances/b/findRestorableTimeRanges",
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.DataProtection/locations/l/fetchCrossRegionRestoreJobs",
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.DataProtection/locations/l/fetchSecondaryRecoveryPoints",
]
CHANGES = [
    ("PUT", VAULT),
    ("PATCH", VAULT),
    ("DELETE", VAULT),
    ("POST", f"{VAULT}/backupInstances/b/backup"),
    ("POST", f"{VAULT}/backupInstances/b/restore"),
    ("POST", f"{VAULT}/backupInstances/b/stopProtection"),
    ("POST", f"{VAULT}/backupResourceGuardProxies/DppResourceGuardProxy/unlockDelete"),
    ("POST", f"{VAULT}/deletedBackupInstances/b/undelete"),
]


@pytest.mark.parametrize("path", READS_BY_POST)
def test_reads_sent_as_post_change_nothing(path: str) -> None:
    assert not changes_state("POST", f"https://x.invalid{path}?api-version=2024-04-01")
    assert not changes_state("POST", path.lower())


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_a_read_only_connection_sends_no_change(method: str, path: str) -> None:
    connection = connect_sandbox(read_only=True)
    before = connection.now()
    with pytest.raises(ReadOnly, match="read-only"):
        send(connection, Request(method, path, body={}))
    assert connection.now() == before, "a request moved the sandbox's clock: it was sent"


def test_a_read_only_connection_still_reads_by_post() -> None:
    connection = connect_sandbox(read_only=True)
    body = {"subscriptions": [BACKUP], "query": "resources | project id", "options": {"resultFormat": "objectArray"}}
    path = "/providers/Microsoft.ResourceGraph/resources"
    assert send(connection, Request("POST", path, body=body, api_version="2021-03-01")).status == 200


NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20)


@given(NAMES, NAMES)
def test_any_name_stays_one_segment_of_a_path(group: str, vault: str) -> None:
    path = vault_path("s", group, vault)
    assert path.count("/") == 8
    assert not set(path) & set('?#%{}"<>') - {"%"}


@pytest.mark.parametrize("text", ["", "v1", "subscriptions/s", "/subscriptions/s", "/subscriptions//resourceGroups/g",
                                  "/subscriptions/s/resourceGroups/g/providers/P/disks", "/a/b/c/d"])  # fmt: skip
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="not a resource id"):
        parse_id(text)


def test_ids_compare_without_case_and_show_as_given() -> None:
    text = "/subscriptions/S/resourcegroups/G/providers/Microsoft.DataProtection/BackupVaults/V/backupInstances/B"
    parsed = parse_id(text)
    assert (parsed.text, parsed.resource_group, parsed.named("backupvaults"), parsed.name) == (text, "G", "V", "B")
    assert same_id(text, text.lower())


def test_the_endpoint_gets_no_token_over_plain_http() -> None:
    from dpmagic.connection import connect_endpoint

    with pytest.raises(InvalidArgument, match="not an https"):
        connect_endpoint("http://127.0.0.1:1", token="t")


def test_the_services_own_error_reaches_the_caller() -> None:
    bad: dict[str, Any] = {"location": "westus", "properties": {}}
    with pytest.raises(AzureError) as caught:
        send(connect_sandbox(), Request("PUT", VAULT.replace("testBkpVaultRG", "nowhere"), body=bad))
    assert caught.value.code == "ResourceGroupNotFound"

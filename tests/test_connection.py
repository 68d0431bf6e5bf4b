"""Connections: any endpoint over TLS, one clock, no secret shown, the right subscription."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dpmagic.arm import subscriptions
from dpmagic.arm.plans import Manner, carry_out
from dpmagic.arm.requests import Request, send
from dpmagic.connection import Connection, connect_azure, connect_endpoint, connect_sandbox
from dpmagic.errors import AzureError, ConnectionFailed, InvalidArgument, NotConnected, ReadOnly
from dpmagic.execute import execute
from dpmagic.progress import Silent
from dpmagic.session import Session
from tests.arm.test_plans import make_vault
from tests.arm.test_requests import BACKUP, VAULT
from tests.canned import SUB, Heard, canned_connection
from tests.served import Served, served_sandbox

WORKLOADS = "22222222-2222-4222-8222-222222222222"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_sandbox(tmp_path_factory.mktemp("served")) as running:
        yield running


def connect(served: Served, **options: object) -> Connection:
    return connect_endpoint(served.url, ca=served.ca, token="s3cr3t", **options)  # type: ignore[arg-type]


def test_an_endpoint_is_reached_over_tls_with_the_given_token(served: Served) -> None:
    assert [one["displayName"] for one in subscriptions.visible(connect(served))] == ["Backup", "Workloads"]
    method, path, authorization = served.requests[-1]
    assert (method, path.split("?")[0], authorization) == ("GET", "/subscriptions", "Bearer s3cr3t")


def test_a_proxy_in_the_environment_does_not_capture_this_machine(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert subscriptions.visible(connect(served))


def test_a_change_is_followed_over_the_wire_too(served: Served) -> None:
    outcome = carry_out(make_vault(), lambda: connect(served), Manner(Silent()))
    assert outcome.value["properties"]["provisioningState"] == "Succeeded"


def test_read_only_holds_for_an_endpoint(served: Served) -> None:
    count = len(served.requests)
    with pytest.raises(ReadOnly):
        send(connect(served, read_only=True), Request("DELETE", VAULT))
    assert len(served.requests) == count


def test_an_untrusted_certificate_is_a_clear_error(served: Served) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        subscriptions.visible(connect_endpoint(served.url, token="s3cr3t"))
    assert "--ca" in caught.value.hint


def test_a_ca_file_that_is_not_there_is_said_so() -> None:
    with pytest.raises(InvalidArgument, match=r"CA file 'nothere.pem'"):
        connect_endpoint("https://localhost:1", ca=Path("nothere.pem"), token="t")


def test_an_endpoint_that_does_not_answer_is_said_so() -> None:
    connection = connect_endpoint("https://127.0.0.1:9", token="s3cr3t")
    object.__setattr__(connection, "client", _impatient(connection))
    with pytest.raises(ConnectionFailed) as caught:
        subscriptions.visible(connection)
    assert "127.0.0.1:9" in caught.value.message
    assert "s3cr3t" not in "".join(caught.value.lines())


def _impatient(connection: Connection) -> object:
    from azure.mgmt.dataprotection import DataProtectionMgmtClient

    return DataProtectionMgmtClient(
        connection.credential, "", connection.cloud.endpoint, credential_scopes=["s"], retry_total=0
    )


def test_no_repr_shows_a_token(served: Served) -> None:
    assert "s3cr3t" not in repr(connect(served))


def test_no_log_holds_a_token(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        connection = connect(served)
        carry_out(make_vault(), lambda: connection, Manner(Silent()))
    assert any(record.name.startswith("azure") for record in caplog.records)
    assert not [record for record in caplog.records if "s3cr3t" in record.getMessage()]


def test_a_clock_of_its_own(served: Served) -> None:
    sandbox = connect_sandbox()
    before = sandbox.now()
    sandbox.sleep(3600)
    assert (sandbox.now() - before).total_seconds() == 3600


def test_the_first_subscription_of_a_sandbox_is_its_default() -> None:
    assert subscriptions.default(connect_sandbox()) == BACKUP


def seen(connection: Connection) -> list[str]:
    return [one["displayName"] for one in subscriptions.visible(connection)]


def test_a_new_sandbox_has_the_default_estate_and_a_folder_keeps_what_it_has(tmp_path: Path) -> None:
    default = ["Backup", "Workloads", "Shop", "Data", "Development", "Archive"]
    assert seen(connect_sandbox()) == default
    for folder, estate, expected in (("a", None, default), ("b", "starter", default[:2])):
        for given in (estate, None):
            connection = connect_sandbox(state=tmp_path / folder, estate=given)
            assert seen(connection) == expected
            connection.transport.sandbox.close()


def test_an_estate_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("end: 2026-01-05T10:00:00Z\nsubscriptions: [{name: Mine}]", encoding="utf-8")
    connection = connect_sandbox(estate=str(tmp_path / "mine.yaml"))
    assert seen(connection) == ["Backup", "Workloads", "Mine"]
    assert f"{connection.now():%Y-%m-%d %H:%M}" == "2026-01-05 10:00"


def test_an_estate_that_is_not_there_is_two_lines() -> None:
    with pytest.raises(NotConnected, match="the estate defualt cannot be read") as caught:
        connect_sandbox(estate="defualt")
    assert caught.value.hint == "Name a YAML file, or one of the estates that come with it: default, starter."


@pytest.mark.parametrize("given", ["Workloads", "workloads", WORKLOADS])
def test_a_subscription_goes_by_name_or_id(given: str) -> None:
    assert subscriptions.default(connect_sandbox(subscription=given)) == WORKLOADS


def test_an_unknown_subscription_names_the_nearest() -> None:
    with pytest.raises(InvalidArgument) as caught:
        subscriptions.resolve(connect_sandbox(), "Wrokloads")
    assert caught.value.hint == "did you mean Workloads?"


def test_of_several_subscriptions_of_an_endpoint_the_first_is_taken_and_said(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)
    heard = Heard()
    assert Session(connect(served), observer=heard).subscription() == BACKUP
    assert heard.said == ["no subscription was chosen: Backup, the first of 2; --subscription NAME takes another"]
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", WORKLOADS)
    assert subscriptions.default(connect(served)) == WORKLOADS


def test_of_several_subscriptions_of_azure_none_is_taken(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    with pytest.raises(NotConnected, match="2 subscriptions can be seen"):
        subscriptions.default(replace(connect(served), target="azure"))


@pytest.mark.parametrize(("status", "told"), [(404, True), (403, True), (401, False)])
def test_who_may_not_list_subscriptions_still_has_the_one_that_was_chosen(status: int, told: bool) -> None:
    refused = {"error": {"code": "Refused", "message": "no"}}
    connection, _ = canned_connection([["GET", "^/subscriptions", status, {}, refused]])
    statements = execute("context", Session(connection))
    if told:
        assert next(statements).line.endswith(f", subscription {SUB}")
    else:
        with pytest.raises(AzureError, match="Refused"):
            next(statements)


def test_azures_default_is_that_of_az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    profile = {
        "subscriptions": [
            {"id": "a", "isDefault": True, "environmentName": "AzureUSGovernment"},
            {"id": "b", "isDefault": False, "environmentName": "AzureCloud"},
            {"id": "c", "isDefault": True, "environmentName": "AzureCloud"},
        ]
    }
    (tmp_path / "azureProfile.json").write_text(json.dumps(profile), encoding="utf-8-sig")
    assert subscriptions.default(connect_azure()) == "c"
    assert subscriptions.default(connect_azure(cloud_name="AzureUSGovernment")) == "a"


def test_without_any_credential_the_hint_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_TOKEN_CREDENTIALS", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotConnected) as caught:
        _ = connect_azure().principal
    assert "az login" in caught.value.hint

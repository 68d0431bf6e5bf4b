"""Clouds and credentials: endpoint and scope together, and an order that suits a person."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import azure.identity
import pytest

from dpmagic import clouds
from dpmagic.errors import InvalidArgument, InvalidChoice, NotConnected


@pytest.mark.parametrize(
    ("name", "endpoint", "scope"),
    [
        ("AzureCloud", "https://management.azure.com", "https://management.azure.com/.default"),
        ("azurechinacloud", "https://management.chinacloudapi.cn", "https://management.chinacloudapi.cn/.default"),
        (
            "AzureUSGovernment",
            "https://management.usgovcloudapi.net",
            "https://management.core.usgovcloudapi.net/.default",
        ),
    ],
)
def test_a_cloud_sets_endpoint_and_scope_together(name: str, endpoint: str, scope: str) -> None:
    found = clouds.cloud(name)
    assert (found.endpoint, found.scope) == (endpoint, scope)


def test_an_unknown_cloud_names_the_nearest() -> None:
    with pytest.raises(InvalidChoice) as caught:
        clouds.cloud("AzureUSGoverment")
    assert caught.value.hint == "did you mean AzureUSGovernment?"


def test_an_endpoint_must_be_https() -> None:
    with pytest.raises(InvalidArgument, match="not an https"):
        clouds.endpoint_cloud("http://localhost:8080")


def _chain(monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[str]:
    for name in ("AZURE_TOKEN_CREDENTIALS", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_TENANT_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    credential = clouds.person_credential(clouds.cloud())
    assert isinstance(credential, azure.identity.ChainedTokenCredential)
    return [type(one).__name__ for one in credential.credentials]


PERSON = ["AzureCliCredential", "AzurePowerShellCredential", "AzureDeveloperCliCredential"]


def test_a_person_is_asked_for_before_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _chain(monkeypatch) == PERSON


def test_a_service_principal_in_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _chain(monkeypatch, AZURE_CLIENT_ID="x") == ["EnvironmentCredential", *PERSON]


def test_the_environment_may_name_the_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    assert isinstance(clouds.person_credential(clouds.cloud()), azure.identity.DefaultAzureCredential)
    assert "ManagedIdentityCredential" in [
        type(one).__name__ for one in clouds.person_credential(clouds.cloud()).credentials
    ]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AZURE_TOKEN_CREDENTIALS", "nonsense", "Valid values are: dev, prod"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/nowhere", "not fully configured"),
    ],
)
def test_variables_that_make_no_credential_are_two_lines(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    with pytest.raises(NotConnected, match=said) as caught:
        _chain(monkeypatch, **{name: value})
    assert len(caught.value.lines()) == 2 and "\n" not in caught.value.message


def test_a_static_token_never_shows_itself() -> None:
    assert "s3cr3t" not in repr(clouds.StaticToken("s3cr3t"))


def test_the_principal_is_read_from_the_token() -> None:
    def jwt(**claims: str) -> clouds.StaticToken:
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return clouds.StaticToken(f"e30.{payload}.x")

    assert clouds.principal_of(jwt(upn="ann@contoso.com", appid="a"), "s") == "ann@contoso.com"
    assert clouds.principal_of(jwt(appid="1234"), "s") == "application 1234"


@pytest.mark.parametrize("token", ["T", "s3cr3t.é.x", "a.MTIz.b", "a.!!!!.b", "a.e30.b"])
def test_a_token_that_says_nothing_of_its_holder_is_no_error(token: str) -> None:
    said = "application unnamed" if token == "a.e30.b" else "the holder of the given token"
    assert clouds.principal_of(clouds.StaticToken(token), "s") == said


def test_where_nobody_is_signed_in_each_way_says_why_and_once(tmp_path: Path) -> None:
    """In a process of its own, where no handler of a test runner hears what the credentials log."""
    code = "import dpmagic; dpmagic.run('backup-vault list --subscription 11111111-1111-4111-8111-111111111111')"
    bare = {"PATH": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=bare)
    *above, last, hint = done.stderr.strip().splitlines()
    assert last.startswith("dpmagic.errors.NotConnected: no Azure credential works here: AzureCliCredential: ")
    assert "; AzurePowerShellCredential: " in last
    assert hint.startswith("hint: run `az login`")
    assert above[0].startswith("Traceback")

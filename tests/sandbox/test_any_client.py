"""`dpmagic sandbox serve` in one process, the plain Azure SDKs in another: the tutorial, and the ways to sign in.

az itself is among the clients where it is installed, which takes longer than all else here; its sign-in by managed
identity goes through MSAL, as in a test that always runs.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
import requests

TENANT = "99999999-9999-4999-8999-999999999999"
BACKUP = "11111111-1111-4111-8111-111111111111"
SUBSCRIPTIONS = ["Backup", "Workloads", "Shop", "Data", "Development", "Archive"]


@dataclass
class Announced:
    """What the server's one line of JSON says."""

    endpoint: str
    ca: str
    subscriptions: list[str]
    token: str

    def get(self, path: str, **options: object) -> requests.Response:
        return requests.get(f"{self.endpoint}{path}", verify=self.ca, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Announced]:
    """A server of its own process; that it ends well is a test, too.

    It serves the default estate, hours before the tutorial's policy is due: a minute of the machine is an hour there.
    """
    estate = tmp_path_factory.mktemp("estate") / "estate.yaml"
    default = files("dpmagic.sandbox.estates").joinpath("default.yaml").read_text("utf-8")
    assert "end: 2026-03-02T08:00:00Z" in default
    estate.write_text(default.replace("end: 2026-03-02T08:00:00Z", "end: 2026-03-02T09:10:00Z"))
    command = [sys.executable, "-m", "dpmagic.shell", "sandbox", "serve", "--port", "0", "--json"]
    command += ["--estate", str(estate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stderr is not None
        line = server.stdout.readline()
        assert line, server.stderr.read()
        told = json.loads(line)
        assert list(told) == ["endpoint", "caFile", "subscriptions", "token"]
        yield Announced(told["endpoint"], told["caFile"], told["subscriptions"], told["token"])
        server.send_signal(signal.SIGTERM)
        rest, errors = server.communicate(timeout=10)
        assert (server.returncode, rest, errors) == (0, "", "")


def program(text: str, **environment: str) -> str:
    """What a program prints that has never heard of dpmagic."""
    script = f"import sys\n{textwrap.dedent(text)}\nassert not any(m.startswith('dpmagic') for m in sys.modules)\n"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_the_tutorial_by_the_plain_sdks(served: Announced) -> None:
    script = Path(__file__).parent / "any_client.py"
    command = [sys.executable, str(script), served.endpoint, served.ca, served.subscriptions[0]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    operation, status, seconds = seen.pop("backup")
    assert (operation, status) == ("Backup", "Completed")
    assert 120 < seconds < 240, "a job takes as long as in Azure, by the sandbox's clock"
    assert seen == {
        "vault": "Succeeded",
        "policy": "mypolicy",
        "refused": "UserErrorDiskAndSnapshotRGOrMSIPermissionsNotPresent",
        "validated": "OperationJobExtendedInfo",
        "instance": "bi",
        "restore": ["Restore", "Completed"],
        "disk": ["CLITestDisk-restored", 32],
        "jobs": [{"operation": "Backup", "status": "Completed"}, {"operation": "Restore", "status": "Completed"}],
        "dpmagic": [],
    }


def test_a_managed_identity_as_az_login_identity_uses_one(served: Announced) -> None:
    printed = program(
        f"""
        import json, jwt, msal, requests
        session = requests.Session()
        client = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=session)
        result = client.acquire_token_for_client(resource={served.endpoint!r})
        token = result["access_token"]
        # az reads the tenant from the token, then lists that tenant's subscriptions
        claims = jwt.decode(token, algorithms=["RS256"], options={{"verify_signature": False}})
        headers = {{"Authorization": f"{{result['token_type']}} {{token}}"}}
        answer = session.get({served.endpoint!r} + "/subscriptions?api-version=2022-12-01", headers=headers).json()
        names = [one["displayName"] for one in answer["value"]]
        print(json.dumps([claims["tid"], claims["aud"], names]))
        """,
        IDENTITY_ENDPOINT=f"{served.endpoint}/msi",
        IDENTITY_HEADER="sandbox",
        REQUESTS_CA_BUNDLE=served.ca,
    )
    assert json.loads(printed) == [TENANT, served.endpoint, SUBSCRIPTIONS]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("az") is None, reason="az is not installed")
def test_az_itself(served: Announced, tmp_path: Path) -> None:
    """As the server tells a person to point it there; then groups, disks and a vault."""
    environment = {
        **os.environ,
        "AZURE_CONFIG_DIR": str(tmp_path),
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "IDENTITY_ENDPOINT": f"{served.endpoint}/msi",
        "IDENTITY_HEADER": "sandbox",
        "REQUESTS_CA_BUNDLE": served.ca,
    }

    def az(*words: str) -> list[str]:
        done = subprocess.run(["az", *words, "-o", "tsv"], capture_output=True, text=True, env=environment, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    az("cloud", "register", "--name", "sandbox", "--endpoint-resource-manager", served.endpoint)
    az("cloud", "set", "--name", "sandbox")
    assert az("login", "--identity", "--query", "[].name") == SUBSCRIPTIONS
    assert "diskrg" in az("group", "list", "--subscription", "Workloads", "--query", "[].name")
    disks = az("disk", "list", "--subscription", "Workloads", "-g", "diskrg", "--query", "[].name")
    assert disks == ["CLITestDisk", "data-01", "scratch-01"]
    vaults = (
        f"{served.endpoint}/subscriptions/{served.subscriptions[2]}/providers/Microsoft.DataProtection/backupVaults"
    )
    asked = ("--url", f"{vaults}?api-version=2024-04-01", "--resource", served.endpoint)
    assert az("rest", *asked, "--query", "value[].name") == ["bv-shop", "bv-shop-legacy"]


@pytest.mark.parametrize(
    "credential",
    [
        "ManagedIdentityCredential(connection_verify=CA)",
        "ManagedIdentityCredential(client_id='any', connection_verify=CA)",
        f"ClientSecretCredential('{TENANT}', 'app', 'secret', authority=URL, disable_instance_discovery=True, "
        "connection_verify=CA)",
    ],
)
def test_credentials_of_azure_identity(served: Announced, credential: str) -> None:
    printed = program(
        f"""
        from azure.identity import ClientSecretCredential, ManagedIdentityCredential
        from azure.mgmt.dataprotection import DataProtectionMgmtClient
        URL, CA = {served.endpoint!r}, {served.ca!r}
        client = DataProtectionMgmtClient(
            {credential}, {BACKUP!r}, URL, credential_scopes=[URL + "/.default"], connection_verify=CA
        )
        print(type(list(client.backup_vaults.get_in_subscription())).__name__)
        """,
        IDENTITY_ENDPOINT=f"{served.endpoint}/msi",
        IDENTITY_HEADER="sandbox",
    )
    assert printed == "list"


def test_what_az_cloud_register_looks_up(served: Announced) -> None:
    """``--endpoint-resource-manager`` alone: az asks there for the rest."""
    metadata = served.get("/metadata/endpoints?api-version=2015-01-01").json()
    authentication = {"loginEndpoint": served.endpoint, "audiences": [served.endpoint]}
    assert metadata["authentication"].items() >= authentication.items()
    assert {metadata["galleryEndpoint"], metadata["graphEndpoint"]} == {served.endpoint}


def test_a_request_without_a_token_gets_azures_401(served: Announced) -> None:
    answer = served.get("/subscriptions?api-version=2022-12-01")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthenticationFailed")
    assert answer.headers["www-authenticate"].startswith("Bearer authorization_uri=")
    assert answer.headers["x-ms-failure-cause"] == "gateway"


def test_the_announced_token_opens(served: Announced) -> None:
    headers = {"Authorization": f"Bearer {served.token}"}
    listed = served.get("/subscriptions?api-version=2022-12-01", headers=headers).json()["value"]
    assert [one["subscriptionId"] for one in listed] == served.subscriptions


def test_nobody_without_the_ca_gets_an_answer(served: Announced) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(served.endpoint)

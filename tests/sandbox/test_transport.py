"""The sandbox behind the Azure SDK's pipeline: paging, streams, both kinds of request, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from azure.core import PipelineClient
from azure.core.exceptions import HttpResponseError, ResponseNotReadError, StreamClosedError, StreamConsumedError
from azure.core.pipeline.transport import HttpRequest as LegacyRequest
from azure.core.rest import HttpRequest
from azure.mgmt.dataprotection import DataProtectionMgmtClient

from dpmagic import sandbox
from dpmagic.sandbox.http_transport import SandboxTransport

from .client import BACKUP, DISK, VAULT, WORKLOADS, Client, make_vault, policy_body
from .test_tutorial import PLACE, Token

URL = f"https://management.azure.com{DISK}?api-version=2023-04-02"


@pytest.fixture
def transport() -> SandboxTransport:
    return sandbox.transport()


def _request() -> HttpRequest:
    return HttpRequest("GET", URL, headers={"Authorization": "Bearer t"})


def test_a_streamed_answer_is_read_once(transport: SandboxTransport) -> None:
    response = transport.send(_request(), stream=True)
    with pytest.raises(ResponseNotReadError):
        _ = response.content
    with pytest.raises(ResponseNotReadError):
        response.json()
    blocks = list(response.iter_bytes())
    assert b"".join(blocks).startswith(b'{"name":"CLITestDisk"')
    with pytest.raises(StreamConsumedError):
        list(response.iter_bytes())
    closed = transport.send(_request(), stream=True)
    closed.close()
    with pytest.raises(StreamClosedError):
        closed.read()


def test_a_read_answer_stays(transport: SandboxTransport) -> None:
    with transport.send(_request()) as response:
        assert response.status_code == 200 and response.reason == "OK"
        assert response.json()["name"] == "CLITestDisk"
        assert response.read() == response.content == b"".join(response.iter_bytes())
        assert response.headers["Content-Type"] == response.content_type == "application/json; charset=utf-8"
        assert response.url == URL and response.request.method == "GET"
        response.raise_for_status()
    missing = transport.send(
        HttpRequest("GET", URL.replace("CLITestDisk", "none"), headers={"Authorization": "Bearer t"})
    )
    with pytest.raises(HttpResponseError, match="ResourceNotFound"):
        missing.raise_for_status()


def test_requests_of_older_clients(transport: SandboxTransport) -> None:
    client = PipelineClient("https://management.azure.com", transport=transport, policies=[])
    request = LegacyRequest("GET", URL, headers={"Authorization": "Bearer t"})
    response = client._pipeline.run(request).http_response
    assert b"CLITestDisk" in response.body()
    assert b"".join(response.stream_download(client._pipeline)) == response.body()


def test_retries_and_polls_wait_on_the_clock(transport: SandboxTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("time passes"))
    before = transport.now()
    transport.sleep(3600)
    assert (transport.now() - before).total_seconds() == 3600


def test_lists_come_in_pages() -> None:
    transport = sandbox.transport(page_size=3)
    client = Client(transport.sandbox)
    make_vault(client)
    for number in range(7):
        assert client.send("PUT", f"{VAULT}/backupPolicies/p{number}", policy_body()).status == 200
    sdk = DataProtectionMgmtClient(Token(), BACKUP, transport=transport)
    names = [policy.name for policy in sdk.backup_policies.list(*PLACE)]
    assert names == ["mypolicy", *(f"p{number}" for number in range(7))]
    first = client.get(f"{VAULT}/backupPolicies")
    assert len(first["value"]) == 3
    last = client.get(client.get(first["nextLink"])["nextLink"])
    assert len(last["value"]) == 2 and "nextLink" not in last
    assert client.send("GET", f"{VAULT}/backupPolicies", **{"$skipToken": "x"}).status == 400


def test_a_filter_survives_the_next_link() -> None:
    client = Client(sandbox.Sandbox(page_size=1))
    url = f"/subscriptions/{WORKLOADS}/providers/Microsoft.Authorization/roleAssignments"
    page = client.get(url, **{"$filter": "atScope()"})
    assert "atScope" in page["nextLink"]
    second = client.get(page["nextLink"])
    assert len(second["value"]) == 1 and "nextLink" not in second


def test_links_lead_back_to_the_caller_s_endpoint() -> None:
    client = Client(sandbox.Sandbox())
    body = {"location": "westus", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}}
    url = f"https://sandbox.invalid{DISK}2?api-version=2023-04-02"
    answer = client.send("PUT", url, body)
    assert answer.headers["location"].startswith("https://sandbox.invalid/subscriptions/")
    assert client.wait(answer)["properties"]["output"]["name"] == "CLITestDisk2"
    monitor = client.send("GET", answer.headers["location"])
    assert (monitor.status, monitor.body["name"]) == (200, "CLITestDisk2")


def test_nothing_heavy_and_nothing_of_the_rest_is_imported() -> None:
    """The sandbox shares the wire with dpmagic and nothing else; the SDK and DuckDB wait until they are needed."""
    script = (
        "import sys\n"
        "from dpmagic.sandbox import Sandbox\n"
        "Sandbox().handle('GET', '/subscriptions?api-version=1', {'authorization': 'Bearer t'}, None)\n"
        "heavy = {'azure', 'duckdb', 'duckdb_kql', 'pandas', 'pyarrow', 'IPython'} & set(sys.modules)\n"
        "rest = {n for n in sys.modules if n.startswith('dpmagic.') and not n.startswith('dpmagic.sandbox')}\n"
        "print(sorted(heavy), sorted(rest))\n"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[] []"

"""A served sandbox: how time passes, the control paths, signing in, certificates, where it listens, how it ends."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
import requests

from dpmagic.sandbox import Reply, Sandbox, ServeError
from dpmagic.sandbox.application import Application
from dpmagic.sandbox.certificates import certificates
from dpmagic.sandbox.listening import listen

from .client import BACKUP, VAULT, vault_body

URL = "https://localhost:10443"
BEARER = {"authorization": "Bearer t", "host": "localhost:10443"}


class Wall:
    """A clock on the wall that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


class Asker:
    """Asks an application, as the server would."""

    def __init__(self, pace: float = 60.0, sandbox: Sandbox | None = None) -> None:
        self.wall, self.sandbox = Wall(), sandbox or Sandbox()
        self.application = Application(self.sandbox, self.wall, pace)

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] = BEARER) -> Reply:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.application.answer(method, f"{URL}{path}", headers, content)

    def passed(self, wall: float) -> float:
        """Sandbox's seconds from one reading of its clock to another, so many seconds of the wall later."""
        before = self.sandbox.now()
        self.wall.seconds += wall
        self.ask("GET", "/sandbox/clock")
        return (self.sandbox.now() - before).total_seconds()


@pytest.mark.parametrize(("pace", "wall", "passed"), [(60, 2, 120), (1, 2, 2), (60, 7200, 3600), (0, 7200, 0)])
def test_time_follows_the_wall_at_its_pace_and_a_silence_counts_for_an_hour(
    pace: float, wall: float, passed: float
) -> None:
    assert Asker(pace).passed(wall) == passed


@pytest.mark.parametrize(("pace", "told"), [(60, "1"), (4, "3"), (1, "10"), (0, "1")])
def test_waits_are_shortened_as_the_clock_is_faster(pace: float, told: str) -> None:
    asker = Asker(pace)
    made = asker.ask("PUT", f"{VAULT}?api-version=2024-04-01", vault_body())
    assert (made.status, made.headers["retry-after"]) == (201, told)
    assert made.headers["azure-asyncoperation"].startswith(f"{URL}/subscriptions/")
    asker.wall.seconds += int(told)
    status = asker.ask("GET", made.headers["azure-asyncoperation"].removeprefix(URL))
    assert json.loads(status.body)["status"] == "Succeeded", "the wait was long enough, by the sandbox's clock"


def test_a_used_up_quota_is_back_when_the_answer_says_so() -> None:
    query = {"query": "resources | project id", "subscriptions": [BACKUP]}
    path = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
    for pace in (0, 1, 60):
        asker = Asker(pace)
        for left in reversed(range(15)):
            answer = asker.ask("POST", path, query)
            assert (answer.status, answer.headers["x-ms-user-quota-remaining"]) == (200, str(left))
        back = int(answer.headers["x-ms-user-quota-resets-after"][-2:])
        assert bool(back) == bool(pace), "at pace 0 it is back at once"
        asker.wall.seconds += back
        assert asker.ask("POST", path, query).status == 200


def test_at_pace_0_the_same_requests_get_the_same_answers() -> None:
    def story() -> list[tuple[int, bytes, dict[str, str]]]:
        asker, replies = Asker(0), []
        for method, path, body in (
            ("PUT", f"{VAULT}?api-version=2024-04-01", vault_body()),
            ("GET", f"{VAULT}?api-version=2024-04-01", None),
            ("POST", "/sandbox/clock", {"seconds": 86_400}),
            ("GET", f"/subscriptions/{BACKUP}/resourceGroups?api-version=2021-04-01", None),
        ):
            asker.wall.seconds += 17 * len(replies)
            reply = asker.ask(method, path, body)
            replies.append((reply.status, reply.body, dict(reply.headers)))
        return replies

    assert story() == story()


def test_the_clock_can_be_moved() -> None:
    asker = Asker(0)
    before = asker.sandbox.now()
    moved = json.loads(asker.ask("POST", "/sandbox/clock", {"seconds": 3600}).body)
    assert moved["now"] == asker.sandbox.now().isoformat()
    assert (asker.sandbox.now() - before).total_seconds() == 3600
    for seconds in (-1, "1", None, True):
        assert asker.ask("POST", "/sandbox/clock", {"seconds": seconds}).status == 400
    assert asker.ask("POST", "/sandbox/clock", b"no json").status == 400
    assert asker.ask("PUT", "/sandbox/clock").status == 404


def test_what_is_wrong_is_told() -> None:
    asker = Asker(0, Sandbox(estate={"subscriptions": [{"name": "S", "disks": [{"name": "d"}]}]}))
    told = json.loads(asker.ask("GET", "/sandbox/planted").body)["value"]
    assert [item["kind"] for item in told] == ["neverProtected", "neverProtected"]
    assert told == asker.sandbox.planted()


def test_mishaps_are_switched_on_and_off() -> None:
    asker = Asker(0)
    listing = f"/subscriptions/{BACKUP}/resourceGroups?api-version=2021-04-01"
    wanted = {"seed": 3, "mishaps": [{"kind": "503", "where": "resourceGroups", "times": 1}]}
    assert asker.ask("PUT", "/sandbox/mishaps", wanted).status == 200
    assert [asker.ask("GET", listing).status for _ in range(2)] == [503, 200]
    shown = json.loads(asker.ask("GET", "/sandbox/mishaps").body)
    assert shown["happened"] == [{"kind": "503", "request": f"GET /subscriptions/{BACKUP}/resourceGroups"}]
    assert (shown["seed"], shown["mishaps"][0]["kind"], "503" in shown["kinds"]) == (3, "503", True)
    assert asker.ask("PUT", "/sandbox/mishaps", wanted).status == 200
    assert asker.ask("DELETE", "/sandbox/mishaps").status == 204
    assert asker.ask("GET", listing).status == 200
    for wrong in ({"mishaps": [{"kind": "504"}]}, {"mishaps": [{}]}, {"mishaps": 1}, {"seed": "x"}, {"mishaps": ["a"]}):
        assert asker.ask("PUT", "/sandbox/mishaps", wrong).status == 400


@pytest.mark.parametrize("path", ["/sandbox/clock", "/sandbox/mishaps", "/subscriptions?api-version=2022-12-01"])
def test_control_needs_a_token_as_all_else_does(path: str) -> None:
    refused = Asker().ask("GET", path, headers={"host": "localhost"})
    assert (refused.status, json.loads(refused.body)["error"]["code"]) == (401, "AuthenticationFailed")


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def test_tokens_name_tenant_and_audience_and_no_two_are_alike() -> None:
    asker = Asker()
    body = form(grant_type="client_credentials", client_id="app", client_secret="s", scope=f"{URL}/.default")
    answers = [json.loads(asker.ask("POST", "/t/oauth2/v2.0/token", body, {}).body) for _ in range(2)]
    first, second = (one["access_token"] for one in answers)
    assert first != second
    claims = jwt.decode(first, options={"verify_signature": False})
    assert (claims["tid"], claims["aud"], claims["appid"]) == (asker.sandbox.tenant, URL, "app")
    assert answers[0]["expires_in"] == 86_399
    assert asker.ask("GET", "/subscriptions?api-version=1", headers={"authorization": f"Bearer {first}"}).status == 200
    older = form(grant_type="client_credentials", client_id="app", client_secret="s", resource=URL)
    assert asker.ask("POST", "/t/oauth2/token", older, {}).status == 200


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "invalid_request"),
        ({"grant_type": "client_credentials", "client_id": "a"}, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "a", "client_secret": "s"}, "invalid_scope"),
    ],
)
def test_a_token_request_must_be_whole(fields: dict[str, str], error: str) -> None:
    refused = Asker().ask("POST", "/t/oauth2/v2.0/token", form(**fields), {})
    assert refused.status in (400, 401)
    assert json.loads(refused.body)["error"] == error


def test_discovery_leads_to_the_token_endpoint() -> None:
    asker, host = Asker(), {"host": "localhost:10443"}
    query = urlencode({"api-version": "1.1", "authorization_endpoint": f"{URL}/t/oauth2/v2.0/authorize"})
    instance = json.loads(asker.ask("GET", f"/common/discovery/instance?{query}", headers=host).body)
    assert instance["tenant_discovery_endpoint"] == f"{URL}/t/v2.0/.well-known/openid-configuration"
    found = json.loads(asker.ask("GET", "/t/v2.0/.well-known/openid-configuration", headers=host).body)
    assert (found["token_endpoint"], found["issuer"]) == (f"{URL}/t/oauth2/v2.0/token", f"{URL}/t/v2.0")
    found = json.loads(asker.ask("GET", "/t/.well-known/openid-configuration", headers=host).body)
    assert found["token_endpoint"] == f"{URL}/t/oauth2/token"


def test_a_cloud_is_described_as_az_reads_it() -> None:
    """In the words that `az cloud register` reads, of 2015-01-01 and of 2022-09-01: it fails where one is missing."""
    asker, host = Asker(), {"host": "localhost:10443"}
    found = json.loads(asker.ask("GET", "/metadata/endpoints?api-version=2022-09-01", headers=host).body)
    assert found["authentication"]["loginEndpoint"] == URL and found["authentication"]["audiences"] == [URL]
    assert (found["name"], found["resourceManager"]) == ("sandbox", URL)
    assert {"storage", "keyVaultDns", "sqlServerHostname", "acrLoginServer"} <= set(found["suffixes"])
    assert {found[name] for name in ("galleryEndpoint", "graphEndpoint", "portalEndpoint")} == {URL}


def test_the_managed_identity_protocol() -> None:
    asker = Asker()
    path = f"/msi?resource={URL}&api-version=2019-08-01"
    answer = json.loads(asker.ask("GET", path, headers={"x-identity-header": "any"}).body)
    assert list(answer) == ["access_token", "expires_on", "resource", "token_type"]
    assert (answer["resource"], answer["token_type"], answer["expires_on"]) == (URL, "Bearer", "4102444800")
    assert asker.ask("GET", path, headers={}).status == 401
    assert asker.ask("GET", "/msi?api-version=2019-08-01", headers={"x-identity-header": "any"}).status == 400


def test_the_key_is_its_owner_s_alone_and_stays(tmp_path: Path) -> None:
    made = certificates(tmp_path, "127.0.0.1")
    assert stat.S_IMODE(made.server.stat().st_mode) == 0o600
    assert b"PRIVATE KEY" in made.server.read_bytes() and b"PRIVATE KEY" not in made.ca.read_bytes()
    before = made.ca.read_bytes(), made.server.read_bytes()
    assert certificates(tmp_path, "127.0.0.1") == certificates(tmp_path, "localhost") == made
    assert (made.ca.read_bytes(), made.server.read_bytes()) == before
    certificates(tmp_path, "192.0.2.7")
    assert made.ca.read_bytes() != before[0], "an address that it was not for: made anew"
    made.ca.unlink()
    certificates(tmp_path, "192.0.2.7")
    assert made.ca.is_file()


def test_only_loopback_unless_told_twice() -> None:
    with pytest.raises(ServeError, match="other machines could reach"):
        listen("0.0.0.0", 0)
    with listen("0.0.0.0", 0, reachable_by_anyone=True) as anyone, listen("127.0.0.1", 0) as loopback:
        assert anyone.getsockname()[0] == "0.0.0.0"
        with pytest.raises(ServeError, match="Address already in use"):
            listen("127.0.0.1", loopback.getsockname()[1])
    with pytest.raises(ServeError, match="no port"):
        listen("127.0.0.1", 65_536)


def serve(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dpmagic.shell", "sandbox", "serve", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stopped(server: subprocess.Popen[str], by: signal.Signals) -> None:
    server.send_signal(by)
    output, errors = server.communicate(timeout=10)
    assert (server.returncode, output, errors) == (0, "", "")


def test_a_world_and_its_ca_outlive_the_server(tmp_path: Path) -> None:
    state = tmp_path / "azure"
    seen = []
    for by in (signal.SIGINT, signal.SIGTERM):
        with serve("--port", "0", "--state", str(state), "--json") as server:
            assert server.stdout is not None
            told = json.loads(server.stdout.readline())
            # A connection that stays open does not keep the server from ending.
            with requests.Session() as session:
                session.trust_env, session.verify = False, str(state / "ca.pem")
                session.headers["Authorization"] = "Bearer t"
                url = f"{told['endpoint']}{VAULT}?api-version=2024-04-01"
                seen.append(session.get(url).status_code)
                session.put(url, json=vault_body())
                stopped(server, by)
    assert seen == [404, 200]
    assert told["caFile"] == str(state / "ca.pem")
    assert stat.S_IMODE((state / "server.pem").stat().st_mode) == 0o600


def test_a_person_is_told_how_to_point_clients_at_it() -> None:
    with serve("--port", "0") as server:
        assert server.stdout is not None
        lines = [server.stdout.readline()]
        while "/sandbox/mishaps" not in lines[-1]:
            lines.append(server.stdout.readline())
        stopped(server, signal.SIGINT)
    told = "".join(lines)
    endpoint = lines[0].split()[4].strip(";")
    ca = next(line.split()[1] for line in lines if line.startswith("  trust "))
    assert f"az cloud register --name sandbox --endpoint-resource-manager {endpoint}\n" in told
    assert f"REQUESTS_CA_BUNDLE={ca} IDENTITY_ENDPOINT={endpoint}/msi IDENTITY_HEADER=" in told
    assert f'authority="{endpoint}", disable_instance_discovery=True' in told
    assert not Path(ca).exists(), "without --state nothing stays"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "0.0.0.0"), "--reachable-by-anyone"),
        (("--port", "0", "--pace", "-1"), "pace of -1"),
        (("--port", "0", "--state", __file__), "cannot be used"),
    ],
)
def test_what_cannot_be_served_is_told_in_two_lines(options: tuple[str, ...], said: str) -> None:
    with serve(*options) as server:
        output, errors = server.communicate(timeout=10)
    assert server.returncode == 1
    assert said in errors and len(errors.splitlines()) == 2 and output == ""


def test_a_taken_port_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, serve("--port", str(taken.getsockname()[1])) as server:
        _, errors = server.communicate(timeout=10)
    assert server.returncode == 1 and "Address already in use" in errors and "another --port" in errors


def test_without_the_extra_it_says_what_to_install() -> None:
    script = "import sys; sys.modules['uvicorn'] = None; from dpmagic.shell import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", script, "sandbox", "serve"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "uvicorn, which is not installed" in done.stderr and "dpmagic[local]" in done.stderr

"""`connect`: what answers takes the place of what was there, what fails leaves it, and nobody gets to Azure unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpmagic import api
from dpmagic.arm import subscriptions
from dpmagic.connection import Connection
from dpmagic.errors import DpmagicError, InvalidArgument, NotConnected
from dpmagic.execute import execute
from dpmagic.session import Session, current
from dpmagic.session_commands import COMMANDS
from tests.canned import canned_connection
from tests.wire import Wire

NOBODYS = "99999999-9999-4999-8999-999999999999"
FAILING = (
    "connect sandbox --estate starter --subscription Nope",
    f"connect sandbox --estate starter --subscription {NOBODYS}",
    "connect sandbox --estate nowhere.yaml",
    "connect --endpoint https://localhost:1 --ca nowhere.pem",
    "connect --endpoint http://localhost",
)


def run(text: str, session: Session) -> str:
    return [result.line for result in execute(text, session)][-1]


@pytest.fixture(scope="module")
def connected() -> Session:
    session = Session()
    run("connect sandbox --subscription Workloads --read-only --estate starter", session)
    return session


@pytest.mark.parametrize("line", FAILING)
def test_what_worked_stays_and_is_told(line: str, connected: Session) -> None:
    before, told = connected.connection, run("context", connected)
    with pytest.raises(DpmagicError) as caught:
        run(line, connected)
    assert connected.connection is before and run("context", connected) == told
    where = "still connected to sandbox, subscription 22222222-2222-4222-8222-222222222222, read-only"
    assert caught.value.hint.endswith(f"; {where}")


@pytest.mark.parametrize("line", FAILING)
def test_who_asked_for_something_else_does_not_get_azure(line: str) -> None:
    session = Session()
    with pytest.raises(DpmagicError) as caught:
        run(line, session)
    assert "still connected" not in caught.value.hint
    for later in ("backup-vault list", "context"):
        with pytest.raises(NotConnected, match="the last connect failed") as refused:
            run(later, session)
        assert "connect sandbox" in refused.value.hint and session.connection is None


def test_a_mistyped_connect_is_one_that_failed() -> None:
    session = Session()
    for line in ("connect sandbx", "connect sandbox --redonly", "connect"):
        with pytest.raises(DpmagicError):
            run(line, session)
        with pytest.raises(NotConnected, match="the last connect failed"):
            run("backup-vault list", session)


def test_a_target_that_is_set_for_a_shell_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DPMAGIC_TARGET", "sandbox")
    session = Session()
    with pytest.raises(NotConnected, match="DPMAGIC_TARGET is 'sandbox'") as refused:
        run("backup-vault list", session)
    assert "connect sandbox" in refused.value.hint
    assert "sandbox" in run("connect sandbox --estate starter", session)
    assert run("backup-vault list", session) == ""


def test_so_it_is_in_a_script(tmp_path: Path) -> None:
    vars(current()).update(vars(Session()))
    (tmp_path / "bad.yaml").write_text("nonsense: 1")
    with pytest.raises(NotConnected):
        api.connect_sandbox(estate=tmp_path / "bad.yaml")
    with pytest.raises(NotConnected, match="the last connect failed"):
        api.run("backup-vault list")
    vars(current()).update(vars(Session()))


def test_the_id_of_a_subscription_counts_in_any_case() -> None:
    wire, session = Wire(), Session()
    session.use(wire.connection())
    assert "Workloads" in run("connect sandbox --estate starter -s 22222222-2222-4222-8222-222222222222", session)
    visible = [{"subscriptionId": "AAAAAAAA-2222-4222-8222-222222222222", "displayName": "Loud"}]
    connection, _ = listing(visible)
    session.use(connection)
    assert subscriptions.resolve(connection, "loud") == visible[0]["subscriptionId"]
    assert subscriptions.resolve(connection, f"/subscriptions/{NOBODYS}") == NOBODYS
    assert subscriptions.resolve(connection, f"/subscriptions/{NOBODYS}") == NOBODYS


def listing(seen: list[dict[str, str]]) -> tuple[Connection, list[object]]:
    return canned_connection([["GET", r"^/subscriptions\?", 200, {}, {"value": seen}]])  # type: ignore[return-value]


def test_a_name_that_two_subscriptions_have_names_neither() -> None:
    seen = [{"subscriptionId": f"{n}2222222-2222-4222-8222-222222222222", "displayName": "Prod"} for n in "ab"]
    connection, _ = listing(seen)
    with pytest.raises(InvalidArgument, match="2 subscriptions are called 'prod'") as caught:
        subscriptions.resolve(connection, "prod")
    assert all(one["subscriptionId"] in caught.value.hint for one in seen)


def test_every_connect_is_told_of_here() -> None:
    names = {one.name for one in COMMANDS if one.name.startswith("connect")}
    assert names == {"connect", "connect sandbox", "connect azure"}


@pytest.mark.parametrize("token", ["''", '""', "' '", "$empty"])
def test_no_token_is_not_the_latest_operation(token: str) -> None:
    wire, session = Wire(), Session()
    session.use(wire.connection())
    create = "backup-vault create -g testBkpVaultRG -v V -l westus --storage-settings datastore-type=VaultStore "
    list(execute(f"{create} type=LocallyRedundant --no-wait", session))
    with pytest.raises(InvalidArgument, match="token is empty") as caught:
        list(execute(f"resume {token}", session, {"empty": ""}))
    assert ".token" in caught.value.hint


def test_resume_takes_one_after_the_other() -> None:
    session = Session(Wire().connection())
    create = "backup-vault create -g testBkpVaultRG -l westus --no-wait --storage-settings datastore-type=VaultStore"
    for name in ("first", "second", "third"):
        list(execute(f"{create} type=LocallyRedundant -v {name}", session))
    made = [one.value.loc[0, "name"] for _ in range(4) for one in execute("resume", session)]
    assert made[:3] == ["third", "second", "first"]
    assert made[3] == "third"  # nothing is left: the latest once more

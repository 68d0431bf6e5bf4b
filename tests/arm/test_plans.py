"""Plans carried out: requests sent, withheld or waited for; questions; the server's pace; the nearest name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dpmagic.arm.paging import every_page
from dpmagic.arm.plans import Ask, Manner, Outcome, Plan, Say, Until, carry_out, fetch, items
from dpmagic.arm.requests import Request, send
from dpmagic.connection import Connection, connect_sandbox
from dpmagic.errors import AzureError, DpmagicError, NotConfirmed, NotFound, OperationTimeout
from tests.arm.test_requests import VAULT, VAULT_BODY
from tests.canned import canned_connection
from tests.sandbox.client import policy_body


class Heard:
    """An observer that keeps what it hears."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.stages: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def done(self) -> None: ...


def make_vault() -> Plan:
    request = Request(
        "PUT", VAULT, VAULT_BODY, follow="azure-async-operation", no_wait=True, purpose="create the vault"
    )
    return (yield from fetch(request))


@pytest.fixture
def sandbox() -> Connection:
    return connect_sandbox()


def carried(plan: Plan, connection: Connection, **manner: Any) -> tuple[Outcome, Heard]:
    heard = Heard()
    return carry_out(plan, lambda: connection, Manner(heard, **manner)), heard


def test_a_change_is_followed_to_its_end(sandbox: Connection) -> None:
    outcome, heard = carried(make_vault(), sandbox)
    assert outcome.value["properties"]["provisioningState"] == "Succeeded"
    assert outcome.changed
    assert heard.stages[0].startswith("create the vault: ")


def test_waiting_takes_the_servers_time_and_no_other(sandbox: Connection) -> None:
    before = sandbox.now()
    carried(make_vault(), sandbox)
    assert timedelta(seconds=1) < sandbox.now() - before < timedelta(minutes=5)


def test_no_wait_returns_once_it_is_accepted(sandbox: Connection) -> None:
    outcome, _ = carried(make_vault(), sandbox, wait=False)
    assert outcome.value is None
    assert outcome.operation is not None
    assert outcome.operation.accepted.json["properties"]["provisioningState"] == "Provisioning"
    assert outcome.operation.wait(Heard()).json["properties"]["provisioningState"] == "Succeeded"


def test_a_dry_run_sends_reads_and_shows_changes(sandbox: Connection) -> None:
    def plan() -> Plan:
        groups = yield from items(Request("GET", VAULT.removesuffix("/TestBkpVault"), every_page=True))
        assert groups == []
        made = yield from make_vault()
        yield Until(Request("GET", VAULT), lambda answer: True, "wait for the vault")
        return made

    outcome, _ = carried(plan(), sandbox, dry_run=True)
    first, then = outcome.withheld
    assert (first.method, first.body, first.later) == ("PUT", VAULT_BODY, False)
    assert first.url.startswith(VAULT)
    assert (then.purpose, then.later) == ("wait for the vault", True)
    with pytest.raises(NotFound):
        send(sandbox, Request("GET", VAULT))


def test_a_dry_run_ends_at_the_first_read_of_what_it_did_not_make(sandbox: Connection) -> None:
    def plan() -> Plan:
        yield from make_vault()
        yield from fetch(Request("GET", VAULT))
        raise AssertionError("not reached")

    outcome, _ = carried(plan(), sandbox, dry_run=True)
    assert [step.method for step in outcome.withheld] == ["PUT"]


def deletion(question: str = "Delete it?") -> Callable[[], Plan]:
    def plan() -> Plan:
        yield Say("it holds 2 things")
        yield Ask(question)
        yield Request("DELETE", VAULT, follow="azure-async-operation")
        return None

    return plan


def test_where_nobody_can_answer_a_question_it_names_yes(sandbox: Connection) -> None:
    carried(make_vault(), sandbox)
    with pytest.raises(NotConfirmed) as caught:
        carried(deletion()(), sandbox)
    assert "--yes" in caught.value.hint
    assert send(sandbox, Request("GET", VAULT)).status == 200


def test_a_no_changes_nothing(sandbox: Connection) -> None:
    carried(make_vault(), sandbox)
    with pytest.raises(NotConfirmed, match="nothing was changed"):
        carried(deletion()(), sandbox, ask=lambda question: False)
    assert send(sandbox, Request("GET", VAULT)).status == 200


@pytest.mark.parametrize("manner", [{"yes": True}, {"ask": lambda question: question == "Delete it?"}])
def test_a_yes_goes_on_and_says_first_what_it_touches(sandbox: Connection, manner: dict[str, Any]) -> None:
    carried(make_vault(), sandbox)
    _, heard = carried(deletion()(), sandbox, **manner)
    assert heard.said == ["it holds 2 things"]
    with pytest.raises(NotFound):
        send(sandbox, Request("GET", VAULT))


def test_an_error_is_thrown_into_the_plan_which_may_add_to_it(sandbox: Connection) -> None:
    def plan() -> Plan:
        try:
            yield Request("GET", VAULT)
        except AzureError as error:
            raise DpmagicError(f"after 1 of 2: {error.code}") from error

    with pytest.raises(DpmagicError, match="after 1 of 2: ResourceNotFound"):
        carried(plan(), sandbox)


def test_until_polls_on_the_connections_clock(sandbox: Connection) -> None:
    carried(make_vault(), sandbox)
    asked: list[int] = []

    def third(answer: Any) -> bool:
        asked.append(answer.status)
        return len(asked) == 3

    def plan() -> Plan:
        return (yield Until(Request("GET", VAULT), third, "wait", every=60)).json["name"]

    before = sandbox.now()
    outcome, _ = carried(plan(), sandbox)
    assert outcome.value == "TestBkpVault"
    assert timedelta(seconds=120) <= sandbox.now() - before < timedelta(seconds=125)


def test_until_gives_up_in_time(sandbox: Connection) -> None:
    carried(make_vault(), sandbox)

    def plan() -> Plan:
        yield Until(Request("GET", VAULT), lambda answer: False, "it never comes", every=30, timeout=100)

    with pytest.raises(OperationTimeout, match="it never comes: not so after 1 min"):
        carried(plan(), sandbox)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        (VAULT.replace("TestBkpVault", "TestBkpVualt"), "did you mean TestBkpVault?"),
        (VAULT.replace("testBkpVaultRG", "testBkpVautlRG"), "did you mean testBkpVaultRG?"),
        (VAULT.replace("TestBkpVault", "zzzzzzzz"), "the vaults there are: TestBkpVault in resource group"),
        (f"{VAULT}/backupPolicies/nothere", "there is no policy"),
    ],
)
def test_a_missing_name_comes_with_the_nearest_one(sandbox: Connection, path: str, hint: str) -> None:
    carried(make_vault(), sandbox)

    def plan() -> Plan:
        yield Request("GET", path)

    with pytest.raises(NotFound) as caught:
        carried(plan(), sandbox)
    assert caught.value.hint.startswith(hint)


def test_lists_are_read_to_their_last_page() -> None:
    from dpmagic.clouds import Cloud, StaticToken
    from dpmagic.sandbox import Sandbox
    from dpmagic.sandbox.http_transport import SandboxTransport

    transport = SandboxTransport(Sandbox(page_size=3))
    connection = Connection(
        "sandbox", Cloud("s", "https://sandbox.invalid", "s"), StaticToken("t"), clock=transport, transport=transport
    )
    carried(make_vault(), connection)
    for number in range(8):
        send(connection, Request("PUT", f"{VAULT}/backupPolicies/p{number}", body=policy_body()))
    first = send(connection, Request("GET", f"{VAULT}/backupPolicies"))
    assert len(first.json["value"]) == 3
    listed = every_page(connection, Request("GET", f"{VAULT}/backupPolicies", every_page=True))
    assert [one["name"] for one in listed.json["value"]] == [f"p{number}" for number in range(8)]


def test_a_later_page_without_items_takes_none_of_the_earlier_ones_away() -> None:
    pages = [
        ["GET", r"\$skipToken", 200, {}, {"nextLink": None}],
        ["GET", "/backupPolicies", 200, {}, {"value": [{"name": "p"}], "nextLink": "/b?$skipToken=2"}],
    ]
    connection, sent = canned_connection(pages)
    listed = every_page(connection, Request("GET", f"{VAULT}/backupPolicies", every_page=True))
    assert (listed.json, len(sent)) == ({"value": [{"name": "p"}]}, 2)

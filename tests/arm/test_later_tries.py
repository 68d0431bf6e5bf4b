"""What is sent again, with a newer token or because an answer was lost, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ServiceResponseError

from dpmagic.clouds import StaticToken
from dpmagic.errors import AzureError, OutOfTouch
from dpmagic.execute import execute
from dpmagic.sandbox import Sandbox
from dpmagic.sandbox.mishaps import Mishap, Mishaps
from dpmagic.session import Session
from tests.canned import Heard, canned_connection
from tests.test_execute import CREATE, VAULT
from tests.wire import Wire

POLICY = "backup-policy delete -g testBkpVaultRG -v TestBkpVault -n daily --yes"


class Fresh:
    """A credential that has a new token whenever it is asked, as az has after a while."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(f"token-{next(self._numbers)}", 2**40)


def wire(*mishaps: Mishap) -> Wire:
    return Wire(Sandbox(mishaps=Mishaps(mishaps)))


def run(text: str, session: Session) -> Any:
    return [result.line or result.value for result in execute(text, session)][-1]


@pytest.mark.parametrize(
    "where", ["^PUT", "operationstatus", "^GET.*backupVaults/TestBkpVault$", "^GET.*backupVaults$"]
)
def test_an_expired_token_is_renewed_once(where: str) -> None:
    session = Session(replace(wire(Mishap("expired", where=where, times=1)).connection(), credential=Fresh()))
    assert run(f"{CREATE}\nbackup-vault list --query '[].name' -o tsv", session) == "TestBkpVault"


def test_a_token_that_stays_expired_is_told_and_another_goes_on() -> None:
    tampered = wire(Mishap("expired", where="operationstatus", times=1))
    session = Session(tampered.connection())
    with pytest.raises(OutOfTouch) as caught:
        run(CREATE, session)
    assert "run `az login`" in caught.value.hint and "then go on waiting with `resume`" in caught.value.hint
    session.use(Wire().connection())  # another Azure: what goes on is not asked for there
    with pytest.raises(OutOfTouch):
        run("resume", session)
    session.use(replace(tampered.connection(), credential=StaticToken("another-one")))
    assert run("resume", session).loc[0, "name"] == "TestBkpVault"
    assert [method for method, _ in tampered.changes] == ["PUT"]


class Lossy(Wire):
    """Loses the first answer to a deletion, which has been done."""

    def send(self, request: Any, **options: Any) -> Any:
        answer = super().send(request, **options)
        if [method for method, _ in self.sent].count("DELETE") == 1 and request.method == "DELETE":
            raise ServiceResponseError("connection reset by peer")
        return answer


@pytest.mark.parametrize(
    ("tampered", "told"),
    [
        (Lossy(), "policy daily is not there: an earlier try, whose answer was lost, may have deleted it"),
        (wire(Mishap("503", where="^DELETE", times=1)), "deleted policy daily"),
        (wire(Mishap("throttled", where="^DELETE", times=1)), "deleted policy daily"),
    ],
)
def test_a_deletion_whose_answer_was_lost_is_not_said_to_have_found_nothing(tampered: Wire, told: str) -> None:
    session = Session(tampered.connection())
    run(CREATE, session)
    template = run("backup-policy get-default-policy-template --datasource-type AzureDisk -o json", session)
    session.names["template"] = str(template)
    run(f"backup-policy create {VAULT} -n daily --policy $template", session)
    assert run(POLICY, session) == told
    assert run(POLICY, session) == "policy daily was not there: nothing was deleted"


@pytest.mark.parametrize(
    ("kind", "line", "hint"),
    [
        ("throttled", CREATE, "did nothing: run it again in a few minutes"),
        ("throttled-silently", CREATE, "did nothing: run it again in a few minutes"),
        ("503", CREATE, "Azure may have done it all the same"),
        ("500", CREATE, "Azure may have done it all the same"),
        ("503", "backup-vault list", "run it again in a few minutes"),
        ("throttled", "backup-vault list", "run it again in a few minutes"),
    ],
)
def test_a_failure_that_passes_says_what_to_do(kind: str, line: str, hint: str) -> None:
    session = Session(wire(Mishap(kind, where="backupVaults")).connection())
    with pytest.raises(AzureError) as caught:
        run(line, session)
    assert hint in caught.value.hint


@pytest.mark.parametrize("line", [CREATE, "backup-vault list"])
def test_a_long_wait_for_azure_is_told_while_it_lasts(line: str) -> None:
    heard = Heard()
    tampered = wire(Mishap("throttled", where="backupVaults", times=1, seconds=600))
    run(line, Session(tampered.connection(), observer=heard))
    assert 600 in tampered.slept and "Azure takes no more just now: waiting 10 min 00 s" in heard.stages
    heard.stages.clear()
    run("backup-vault list", Session(tampered.connection(), observer=heard))
    assert heard.stages == []


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (409, "AnotherOperationInProgress", "wait until what is in progress has ended"),
        (412, "PreconditionFailed", "somebody changed it in the meantime"),
        (403, "AuthorizationFailed", ""),
    ],
)
def test_a_refused_change_says_when_to_try_again(status: int, code: str, hint: str) -> None:
    vault = {"name": "v", "location": "westus", "properties": {"storageSettings": []}}
    refused = {"error": {"code": code, "message": "no"}}
    connection, _ = canned_connection([["GET", "", 200, {}, vault], ["PUT", "", status, {}, refused]])
    with pytest.raises(AzureError, match=code) as caught:
        run("backup-vault update -g g -v v --tags a=b", Session(connection))
    assert caught.value.hint.startswith(hint) and bool(caught.value.hint) == bool(hint)

"""Long-running operations: the server's pace, how they end, what stops the waiting, and going on elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.arm.operations import Operation, restored, start
from dpmagic.arm.requests import Request
from dpmagic.errors import (
    AzureError,
    ConnectionFailed,
    DpmagicError,
    Interrupted,
    InvalidArgument,
    NotFound,
    OutOfTouch,
)
from dpmagic.progress import Silent
from tests.arm.test_requests import VAULT, VAULT_BODY
from tests.canned import ENDPOINT, Canned, Heard, canned_connection
from tests.wire import TOKEN, Wire, nothing

CREATE = Request("PUT", VAULT, VAULT_BODY, follow="azure-async-operation", no_wait=True, purpose="create the vault")
STATUS = "{endpoint}/subscriptions/s/operationStatus/o?t=1&c=MIIC&s=SIGNED&h=HASH"
BACKUP = Request("POST", "/subscriptions/s/backup", {}, follow="location", purpose="back up the disk")


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def creating(wire: Wire) -> Operation:
    return start(wire.connection(), CREATE)


def canned(*looks: Canned, links: dict[str, str] | None = None) -> tuple[Operation, list[Any], Any]:
    """An operation whose looks are answered so, one after another; what is sent, and its transport."""
    accepted = ["POST", "backup", 202, links or {"azure-asyncoperation": STATUS}, None]
    connection, sent = canned_connection([accepted, *(["GET", *look, 1] for look in looks)])
    operation = start(connection, BACKUP)
    sent.clear()
    return operation, sent, connection.transport


def look(status: str, retry_after: str = "", **body: Any) -> Canned:
    return ["operationStatus", 200, {"retry-after": retry_after} if retry_after else {}, {"status": status, **body}]


def test_it_goes_from_accepted_to_its_answer(creating: Operation) -> None:
    assert (creating.what, creating.status, creating.done) == ("create the vault", "InProgress", False)
    assert creating.accepted.json["properties"]["provisioningState"] == "Provisioning"
    answer = creating.wait(Silent())
    assert answer.json["properties"]["provisioningState"] == "Succeeded"
    assert (creating.status, creating.done) == ("Succeeded", True)


def test_a_second_wait_gives_the_same_and_asks_nobody(wire: Wire, creating: Operation) -> None:
    first = creating.wait(Silent())
    wire.sent.clear()
    assert creating.wait(Silent()) is first
    creating.look()
    assert wire.sent == []


def test_a_look_asks_once_and_waits_for_nothing(wire: Wire, creating: Operation) -> None:
    wire.sent.clear()
    creating.look()
    assert len(wire.sent) == 1 and wire.slept == [] and not creating.done
    wire.sleep(600)
    creating.look()
    assert creating.done and len(wire.sent) == 2


def test_the_server_sets_the_pace() -> None:
    """30 s where it does not say, az's own pace; none where it says 0, which the SDK takes for no word."""
    operation, sent, transport = canned(
        look("InProgress", "7"), look("InProgress"), look("InProgress", "0"), look("Succeeded")
    )
    heard = Heard()
    operation.wait(heard)
    assert transport.slept == [7, 30, 0]
    assert len(sent) == 4
    assert heard.stages[-1] == "back up the disk: InProgress, 37 s"


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (look("Failed", error={"code": "UserErrorX", "message": "no"}), "UserErrorX"),
        (look("Canceled"), "Canceled"),
        (["operationStatus", 400, {}, {"error": {"code": "UserErrorY", "message": "no"}}], "UserErrorY"),
        (["operationStatus", 409, {}, {"error": {"code": "Conflict", "message": "no"}}], "Conflict"),
    ],
)
def test_a_failure_is_the_services_own_error_each_time(last: Canned, code: str) -> None:
    operation, sent, _ = canned(look("InProgress"), last)
    for _ in range(2):
        with pytest.raises(AzureError) as caught:
            operation.wait(Silent())
        assert caught.value.code == code
    assert operation.done and operation.status in ("Failed", "Canceled")
    assert len(sent) == 2


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 503])
def test_a_look_that_is_refused_says_nothing_about_the_operation(status: int) -> None:
    refused: Canned = ["operationStatus", status, {}, {"error": {"code": "Later", "message": "not now"}}]
    operation, _, _ = canned(*[refused] * 12, look("Succeeded"))  # the SDK tries a few times itself
    with pytest.raises(ConnectionFailed, match="did not say how it stands: Later"):
        operation.look()
    assert not operation.done
    with pytest.raises(OutOfTouch, match="lost sight of what Azure goes on with") as caught:
        operation.wait(Silent())
    assert caught.value.operation is operation
    assert "run it again" not in caught.value.hint  # which would be a second change


def test_an_operation_that_azure_does_not_know() -> None:
    operation, _, _ = canned(["operationStatus", 404, {}, {"error": {"code": "Gone", "message": "none such"}}])
    with pytest.raises(NotFound, match="Gone") as caught:
        operation.wait(Silent())
    assert "another sandbox or account" in caught.value.hint and not operation.done


@pytest.mark.parametrize("body", [None, {}, {"state": "Succeeded"}])
def test_a_status_that_cannot_be_read(body: Any) -> None:
    operation, _, _ = canned(["operationStatus", 200, {}, body], look("Succeeded"))
    with pytest.raises(ConnectionFailed, match="cannot be read"):
        operation.look()
    assert operation.wait(Silent()).status == 200


@pytest.mark.parametrize("error", [ServiceRequestError("no route"), ServiceResponseError("broken off")])
def test_a_network_that_breaks_leaves_the_operation(wire: Wire, creating: Operation, error: Exception) -> None:
    def broken(request: Any) -> None:
        raise error

    wire.before = broken
    with pytest.raises(OutOfTouch, match="create the vault") as caught:
        creating.wait(Silent())
    assert caught.value.operation is creating and creating.status == "InProgress"
    wire.before = nothing
    assert creating.wait(Silent()).json["name"] == "TestBkpVault"
    assert [method for method, _ in wire.changes] == ["PUT"]


def test_an_answer_that_cannot_be_fetched_is_no_failure_of_the_operation() -> None:
    links = {"azure-asyncoperation": STATUS, "location": "{endpoint}/subscriptions/s/operationResults/o"}
    refused: Canned = ["operationResults", 403, {}, {"error": {"code": "Forbidden", "message": "no"}}]
    operation, _, _ = canned(look("Succeeded"), refused, ["operationResults", 200, {}, {"jobId": "j"}], links=links)
    with pytest.raises(OutOfTouch, match="Forbidden"):
        operation.wait(Silent())
    assert (operation.done, operation.status) == (True, "Succeeded")
    assert operation.wait(Silent()).json == {"jobId": "j"}


def test_what_ends_when_it_is_accepted_is_done() -> None:
    connection, sent = canned_connection([["POST", "backup", 200, {}, {"answer": 1}]])
    operation = start(connection, BACKUP)
    assert operation.done and operation.wait(Silent()).json == {"answer": 1}
    assert len(sent) == 1
    with pytest.raises(InvalidArgument, match="nothing is left"):
        restored(connection, operation.state())


@pytest.mark.parametrize("nth", range(1, 5))
@pytest.mark.parametrize("where", ["send", "sleep"])
def test_ctrl_c_at_any_point_stops_the_waiting_only(wire: Wire, creating: Operation, where: str, nth: int) -> None:
    calls = 0
    real_sleep = wire.sleep

    def interrupt(anything: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise KeyboardInterrupt

    def sleep(duration: float) -> None:
        interrupt(duration)
        real_sleep(duration)

    if where == "send":
        wire.before = interrupt
    else:
        wire.sleep = sleep  # type: ignore[method-assign]
    heard = Heard()
    try:
        creating.wait(heard)
    except Interrupted as stopped:
        assert stopped.operation is creating
        assert str(stopped) == "stopped waiting: Azure goes on to create the vault"
    else:
        assert calls < nth  # it had ended before
    assert creating.wait(heard).json["properties"]["provisioningState"] == "Succeeded"
    assert [method for method, _ in wire.changes] == ["PUT"]


def test_its_state_is_what_another_process_needs(wire: Wire, creating: Operation) -> None:
    state = json.loads(json.dumps(creating.state()))
    assert TOKEN not in json.dumps(state) and "Bearer" not in json.dumps(state)
    wire.sent.clear()
    again = restored(wire.connection(), state)
    assert wire.sent == []
    assert (again.what, again.started, again.status) == (creating.what, creating.started, "InProgress")
    assert again.state() == state
    assert again.wait(Silent()).json == creating.wait(Silent()).json
    assert wire.changes == []


@pytest.mark.parametrize(
    ("links", "answer"),
    [
        ({"azure-asyncoperation": STATUS}, ["operationStatus", 200, {}, {"status": "Succeeded", "properties": 1}]),
        ({"location": "{endpoint}/operationResults/o"}, ["operationResults", 200, {}, {"jobId": "j"}]),
    ],
)
def test_each_kind_of_link_is_followed_again(links: dict[str, str], answer: Canned) -> None:
    operation, sent, _ = canned(answer, links=links)
    again = restored(operation.connection, operation.state())
    assert again.wait(Silent()).json == answer[3]
    assert [one.method for one in sent] == ["GET"]


def test_a_put_without_links_is_followed_at_the_thing_itself() -> None:
    provisioning = {"properties": {"provisioningState": "Provisioning"}}
    succeeded = {"properties": {"provisioningState": "Succeeded"}}
    answers: list[Canned] = [["PUT", "", 201, {}, provisioning], ["GET", "", 200, {}, succeeded]]
    connection, _ = canned_connection(answers)
    operation = start(connection, CREATE)
    assert operation.status == "Provisioning"
    assert restored(connection, operation.state()).wait(Silent()).json == succeeded


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.invalid/operationStatus/o",
        "http://sandbox.invalid/operationStatus/o",
        "https://sandbox.invalid:444/operationStatus/o",
        "https://sandbox.invalid@evil.invalid/operationStatus/o",
        "https://sandbox.invalid.evil.invalid/operationStatus/o",
        "//evil.invalid/operationStatus/o",
        "/operationStatus/o",
    ],
)
@pytest.mark.parametrize("place", ["url", "azure-asyncoperation", "location"])
def test_a_state_that_leads_elsewhere_is_refused(wire: Wire, creating: Operation, link: str, place: str) -> None:
    """Whoever is asked sees the caller's bearer token."""
    state = creating.state()
    if place == "url":
        state["url"] = link
    else:
        state["links"][place] = link
    wire.sent.clear()
    with pytest.raises(InvalidArgument, match="the token leads to"):
        restored(wire.connection(), state)
    assert wire.sent == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.data())
def test_any_other_state_is_refused_in_our_own_words(data: st.DataObject) -> None:
    connection = Wire().connection()
    state: dict[str, Any] = start(connection, CREATE).state()
    key = data.draw(st.sampled_from(sorted(state)))
    if data.draw(st.booleans()):
        del state[key]
    else:
        state[key] = data.draw(_JSON)
    try:
        operation = restored(connection, state)
    except DpmagicError:
        return
    assert key in ("method", "follow", "purpose", "accepted", "request_id", "links")
    assert isinstance(operation, Operation)


def test_the_signatures_of_links_are_kept_and_not_shown() -> None:
    operation, _, _ = canned(look("Succeeded"))
    assert operation.state()["links"] == {"azure-asyncoperation": STATUS.replace("{endpoint}", ENDPOINT)}
    assert "SIGNED" not in repr(operation.what) + operation.status

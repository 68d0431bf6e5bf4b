"""Names of the estate in completion: right, soon enough, silent when they fail, and without a trace."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.identity import (
    AzureCliCredential,
    ChainedTokenCredential,
    DefaultAzureCredential,
    InteractiveBrowserCredential,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from dpmagic import live_names
from dpmagic.clouds import StaticToken
from dpmagic.completion import candidates
from dpmagic.connection import Connection, SystemClock
from dpmagic.live_names import LiveNames, Question
from dpmagic.session import Session
from tests.canned import SUB, canned_connection
from tests.commands.estate import BACKUP, NAME, Estate
from tests.test_completion import command_lines, pieces
from tests.wire import Wire, nothing

PATIENT = 10  # seconds, where a test wants the names and not their haste
AT = "-g testBkpVaultRG -v v1"


class Hands:
    """A clock whose hands the test moves, and what it was waited for on it: seconds, one after another."""

    def __init__(self) -> None:
        self.time = SystemClock().now()
        self.waited: list[float] = []

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Wait for what does not come."""
        assert not event.is_set()
        self.waited.append(seconds)
        self.sleep(seconds)


@pytest.fixture(scope="module")
def estate() -> Estate:
    """A vault with two policies, one protected disk and a backup of it."""
    made = Estate(connection=Wire().connection())
    made.protect()
    made.run(f"backup-instance adhoc-backup {AT} -n {NAME} --rule-name BackupHourly")
    made.connection.sleep(3600)
    return made


@pytest.fixture
def wire(estate: Estate) -> Iterator[Wire]:
    wire = estate.connection.transport
    wire.sent.clear()
    yield wire
    wire.before = nothing


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def session(estate: Estate) -> Session:
    return Session(estate.connection)


@pytest.fixture
def live(session: Session, clock: Hands) -> LiveNames:
    return LiveNames(session, clock)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_names, "PATIENCE", PATIENT)


def offered(text: str, live: LiveNames, **names: Any) -> list[str]:
    return [one.text for one in candidates(text, names, live)[1]]


def hold(release: threading.Event) -> None:
    """What a request does that hangs."""
    release.wait(30)


def settle(live: LiveNames) -> None:
    """Wait for the look-ups that are under way."""
    for known in live._known.values():
        assert known.settled.wait(PATIENT)


VAULT_ID = f"/subscriptions/{BACKUP}/resourceGroups/testBkpVaultRG/providers/Microsoft.DataProtection/backupVaults/v1"
INSTANCES = f"{VAULT_ID}/backupInstances"


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("backup-vault show -g ", ["testBkpVaultRG"]),
        ("backup-vault show --resource-group=TEST", ["testBkpVaultRG"]),
        ('backup-vault show -g "te', ["testBkpVaultRG"]),
        ("backup-vault show -g nothing", []),
        ("backup-vault show -g testBkpVaultRG -v ", ["v1"]),
        ("backup-vault show -v ", ["v1"]),
        ("backup-vault show --subscription Workloads -v ", []),
        (f"backup-vault show --subscription {BACKUP} -v ", ["v1"]),
        ("backup-vault show -g diskrg -v ", []),
        ("backup-vault show -g $group -v ", ["v1"]),
        ("backup-vault show -g ${group} -v ", ["v1"]),
        ("backup-vault show -g $unknown -v ", []),
        ("backup-vault show -g $number -v ", []),
        ("backup-vault show -g ${a.b} -v ", []),
        (f"backup-policy show {AT} -n ", ["p1", "p2"]),
        (f"backup-policy show {AT} --name=p2", ["p2"]),
        ("backup-policy show -v v1 -n ", ["p1", "p2"]),
        ("backup-policy show -n ", []),
        (f"backup-instance show {AT} -n ", [NAME]),
        ("backup-instance show -v V1 -n data", [NAME]),
        ("backup-instance show -v nothing -n ", []),
        (f"recovery-point list {AT} --backup-instance-name ", [NAME]),
        ("backup-vault show --subscription ", ["Backup", "Workloads"]),
        ("backup-vault show -g $unknown --subscription w", ["Workloads"]),
        ("connect azure -s W", ["Workloads"]),
        ("backup-vault create -l w", ["westus"]),
        ("backup-vault show --ids ", [VAULT_ID]),
        ("backup-vault show --ids x ", [VAULT_ID]),
        ("backup-policy show --ids ", [f"{VAULT_ID}/backupPolicies/"]),
        (f"backup-policy show --ids {VAULT_ID}/backuppolicies/", [f"{VAULT_ID}/backupPolicies/p{n}" for n in (1, 2)]),
        (f"recovery-point show --ids {INSTANCES}/", [f"{INSTANCES}/{NAME}/recoveryPoints/"]),
        ("backup-vault list-from-resourcegraph --vaults ", ["v1"]),
        ("backup-vault list --query ", None),
    ],
)  # fmt: skip
def test_what_is_there_is_offered(live: LiveNames, text: str, expected: list[str] | None) -> None:
    found = offered(text, live, group="testBkpVaultRG", number=7)
    assert [one for one in found if not one.startswith("-")] == (expected or [])


@pytest.mark.usefixtures("patient")
def test_jobs_and_recovery_points_come_latest_first(estate: Estate, live: LiveNames) -> None:
    jobs = [job["name"] for job in sorted(estate.run(f"job list {AT}"), key=lambda job: job["properties"]["startTime"])]
    assert jobs and offered(f"job show {AT} --job-id ", live) == jobs[::-1]
    [point] = estate.run(f"recovery-point list {AT} --backup-instance-name {NAME}")
    of = f"{AT} --backup-instance-name {NAME}"
    assert offered(f"recovery-point show {of} --recovery-point-id ", live) == [point["name"]]
    assert offered(f"recovery-point show {AT} --recovery-point-id ", live) == []
    [(_, [one])] = [candidates(f"recovery-point show {of} --recovery-point-id ", {}, live)]
    assert one.help == point["properties"]["recoveryPointTime"]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("connect azure -s ", ["'Pay As You Go'", '"The Boss\'s"']),
        ("connect azure -s pay", ["'Pay As You Go'"]),
        ("connect azure -s 'pay", ["Pay As You Go"]),
        ("connect azure -s 'T", []),  # cannot stand in these quotes
        ("backup-vault create -l ", ["westus", "eastus"]),
        ("backup-vault create -l e", ["eastus"]),
        ("resource-guard show -g rg -n ", ["guard"]),
        ("backup-vault resource-guard-mapping create --resource-guard-id ", ["/subscriptions/s/rg/rg/p/D/t/guard"]),
        ("backup-policy show -v twice -n ", []),
        ("backup-policy show -g one -v twice -n ", ["p(1)"]),
    ],
)
def test_what_the_sandbox_does_not_have(text: str, expected: list[str]) -> None:
    twice = [{"name": "twice", "id": f"/subscriptions/{SUB}/rg/{group}/p/D/backupVaults/twice"} for group in "ab"]
    named = [
        {"subscriptionId": "a", "displayName": "Pay As You Go"},
        {"subscriptionId": "b", "displayName": "The Boss's"},
    ]
    regions = [{"name": "westus", "displayName": "West US"}, {"name": "eastus", "displayName": "East US"}]
    guards = [{"name": "guard", "id": "/subscriptions/s/rg/rg/p/D/t/guard", "location": "westus"}]
    connection, _ = canned_connection(
        [
            ["GET", r"^/subscriptions\?", 200, {}, {"value": named}],
            ["GET", "/locations", 200, {}, {"value": regions}],
            ["GET", "/resourceGuards", 200, {}, {"value": guards}],
            ["GET", "/backupPolicies", 200, {}, {"value": [{"name": "p(1)", "properties": {}}]}],
            ["GET", "/backupVaults", 200, {}, {"value": twice}],
        ]
    )
    assert offered(text, LiveNames(Session(connection))) == expected


@pytest.mark.usefixtures("patient")
def test_all_pages_are_read() -> None:
    def page(number: int) -> dict[str, Any]:
        more = {"nextLink": f"https://canned.invalid/next{number + 1}?page=1"} if number < 2 else {}
        return {"value": [{"name": f"g{number}", "location": "westus"}], **more}

    connection, _ = canned_connection(
        [["GET", "resourcegroups", 200, {}, page(0)], *(["GET", f"next{n}", 200, {}, page(n)] for n in (1, 2))]
    )
    assert offered("backup-vault show -g ", LiveNames(Session(connection))) == ["g0", "g1", "g2"]


def everything(live: LiveNames) -> None:
    """A Tab wherever the estate is asked."""
    for text in (
        *(f"backup-vault show {option} " for option in ("-g", "-v", "--subscription", "--ids")),
        "backup-vault create -l ", f"backup-policy show {AT} -n ", f"backup-instance show {AT} -n ",
        f"job show {AT} --job-id ", f"recovery-point show {AT} --backup-instance-name {NAME} --recovery-point-id ",
        "resource-guard show -n ", "backup-vault show -g no -v ", f"backup-policy show {AT} --ids ",
    ):  # fmt: skip
        offered(text, live)


@pytest.mark.usefixtures("patient")
def test_a_tab_leaves_no_trace() -> None:
    """The sandbox's clock and its guids depend on what was asked before; not on a Tab."""

    def history(tabs: bool) -> tuple[Any, ...]:
        estate = Estate(connection=Wire().connection())
        steps = [estate.protect, lambda: estate.run("backup-vault list"), lambda: estate.run(f"job list {AT}")]
        outcomes = []
        for step in steps:
            before = len(estate.connection.transport.sent)
            if tabs:
                everything(LiveNames(Session(estate.connection)))
            assert len(estate.connection.transport.sent) > before + 10 * tabs - 1
            outcomes.append(step())
        return *outcomes, estate.connection.now()

    assert history(tabs=True) == history(tabs=False)


def test_a_sandbox_on_disk_is_not_written_for_a_tab(tmp_path: Any) -> None:
    from dpmagic.sandbox import Sandbox

    with Sandbox(tmp_path) as sandbox:
        headers = {"authorization": "Bearer t"}
        path = "/subscriptions?api-version=2022-12-01"
        before = (tmp_path / "sandbox.sqlite-wal").read_bytes()
        plain = sandbox.handle("GET", path, {**headers, "Sec-Purpose": "prefetch"}, None)
        assert (tmp_path / "sandbox.sqlite-wal").read_bytes() == before
        now = sandbox.now()
        sandbox.handle("PUT", path, {**headers, "Sec-Purpose": "prefetch"}, b"{}")
        assert sandbox.now() > now  # what may change something is no look ahead
        assert sandbox.handle("GET", path, headers, None).body == plain.body


@pytest.mark.usefixtures("patient")
def test_names_are_kept_for_a_while(live: LiveNames, wire: Wire, clock: Hands, session: Session) -> None:
    text = "backup-vault show -g "
    offered(text, live)
    asked = len(wire.sent)
    clock.sleep(29)
    assert offered(text, live) == ["testBkpVaultRG"] and len(wire.sent) == asked
    clock.sleep(2)
    offered(text, live)
    assert len(wire.sent) == asked * 2
    session.changes += 1  # a change of our own
    offered(text, live)
    assert len(wire.sent) == asked * 3


@pytest.mark.usefixtures("patient")
def test_a_new_vault_is_known_at_once(clock: Hands) -> None:
    from tests.test_execute import CREATE
    from tests.test_handles import run

    session = Session(Wire().connection())
    live = LiveNames(session, clock)
    assert offered("backup-vault show -v ", live) == []
    run(CREATE, session)
    assert offered("backup-vault show -v ", live) == ["TestBkpVault"]


@pytest.mark.usefixtures("patient")
def test_another_connection_has_names_of_its_own(live: LiveNames, session: Session) -> None:
    assert offered("backup-vault show -v ", live) == ["v1"]
    session.use(Wire().connection())
    assert offered("backup-vault show -v ", live) == []


@pytest.fixture
def hanging(wire: Wire) -> Iterator[threading.Event]:
    """Requests hang until the event is set."""
    release = threading.Event()
    wire.before = lambda request: hold(release)
    yield release
    release.set()


@pytest.fixture
def hasty(session: Session, clock: Hands) -> LiveNames:
    """Names that are waited for on the clock alone: no time passes."""
    return LiveNames(session, clock, clock.wait)


def test_typing_is_not_held_up(hasty: LiveNames, hanging: threading.Event, clock: Hands) -> None:
    text = "backup-vault show -g "
    assert offered(text, hasty) == []
    assert clock.waited == [live_names.PATIENCE]
    hanging.set()
    settle(hasty)
    assert offered(text, hasty) == ["testBkpVaultRG"]  # the next time they are there
    assert clock.waited == [live_names.PATIENCE]


@pytest.mark.usefixtures("hanging")
def test_what_a_tab_did_before_counts(hasty: LiveNames, clock: Hands) -> None:
    """The first Tab builds the tables: it does not wait on top of that."""
    asked = hasty.tab()
    clock.sleep(0.75 * live_names.PATIENCE)
    assert candidates("backup-vault show -g ", {}, asked)[1] == []
    assert clock.waited == [pytest.approx(0.25 * live_names.PATIENCE)]
    assert candidates("backup-vault show -v ", {}, asked)[1] == []
    assert len(clock.waited) == 1


def test_what_was_known_is_offered_while_it_is_asked_again(live: LiveNames, wire: Wire, clock: Hands) -> None:
    offered("backup-vault show -g ", live)
    settle(live)
    release = threading.Event()
    wire.before = lambda request: hold(release)
    clock.sleep(3600)
    assert offered("backup-vault show -g ", live) == ["testBkpVaultRG"]
    release.set()
    settle(live)


def test_what_hangs_is_not_asked_without_end(hasty: LiveNames, wire: Wire, hanging: threading.Event) -> None:
    for number in range(10):
        offered(f"backup-vault show -g g{number} -v ", hasty)
        offered(f"backup-vault show -g g{number} -v ", hasty)
    hanging.set()
    settle(hasty)
    assert len(wire.sent) == 4


def test_a_hanging_look_up_does_not_keep_the_process() -> None:
    script = (
        "import threading\n"
        "from dpmagic.completion import candidates\n"
        "from dpmagic.live_names import LiveNames\n"
        "from dpmagic.session import Session\n"
        "from tests.wire import Wire\n"
        "wire = Wire()\n"
        "wire.before = lambda request: threading.Event().wait()\n"
        "print(candidates('backup-vault show -g ', {}, LiveNames(Session(wire.connection())))[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


class Spoilt:
    """A connection whose requests end in an error, or whose answers are not what they should be."""

    def __init__(self, spoil: Any) -> None:
        self.spoil, self.asked = spoil, 0

    def connection(self) -> Connection:
        if isinstance(self.spoil, BaseException):
            wire = Wire()
            wire.before = self
            return wire.connection()
        status, body = self.spoil

        def answer(sent: Any) -> Any:
            self.asked += 1
            return body

        return canned_connection([["GET", "", status, {}, answer]])[0]

    def __call__(self, request: Any) -> None:
        self.asked += 1
        raise self.spoil


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    "spoil",
    [
        ServiceRequestError("no route"), OSError("no network"), KeyError("x"), RuntimeError("x"),
        (403, {"error": {"code": "AuthorizationFailed", "message": "no"}}), (404, None), (429, None), (500, {}),
        (200, None), (200, []), (200, {}), (200, {"value": None}), (200, {"value": [1]}), (200, {"value": [{}]}),
        (200, {"value": [{"name": None}]}), (200, "text"),
    ],
)  # fmt: skip
def test_a_look_up_that_fails_is_silent(
    spoil: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "dpmagic.live_names")
    clock, spoilt = Hands(), Spoilt(spoil)
    session = Session(spoilt.connection())
    live = LiveNames(session, clock)
    for text in (
        "backup-vault show -v ",
        f"backup-policy show {AT} -n ",
        f"job show {AT} --job-id ",
        "connect azure -s ",
    ):
        found = offered(text, live)
        assert all(isinstance(one, str) for one in found)
    assert capfd.readouterr() == ("", "")
    asked = spoilt.asked
    clock.sleep(9)
    offered("backup-vault show -v ", live)
    assert spoilt.asked == asked  # not again and again
    clock.sleep(2)
    offered("backup-vault show -v ", live)
    assert spoilt.asked > asked
    assert "no names for Question(kind='vault'" in caplog.text and "Traceback" in caplog.text


def test_it_does_not_try_for_minutes(clock: Hands) -> None:
    """The SDK would send again, and wait on the connection's clock in between."""
    connection, sent = canned_connection([["GET", "", 503, {"retry-after": "60"}, None]])
    live = LiveNames(Session(connection), clock)
    offered("backup-vault show -v ", live)
    settle(live)
    assert len(sent) == 1 and connection.clock.slept == []  # type: ignore[attr-defined]


def test_nothing_connects_because_of_a_tab(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> Any:
        raise AssertionError("a Tab connects")

    monkeypatch.setattr("dpmagic.session.connect_azure", refuse)
    session = Session()
    assert offered("backup-vault show -g ", LiveNames(session)) == [] and session.connection is None


@pytest.mark.parametrize(
    ("credential", "asks"),
    [
        (StaticToken("t"), False),
        (AzureCliCredential(), False),
        (DefaultAzureCredential(), False),
        (InteractiveBrowserCredential(), True),
        (DefaultAzureCredential(exclude_interactive_browser_credential=False), True),
        (ChainedTokenCredential(AzureCliCredential(), InteractiveBrowserCredential()), True),
        (ChainedTokenCredential(ChainedTokenCredential(InteractiveBrowserCredential())), True),
    ],
)
def test_nobody_is_asked_to_sign_in_because_of_a_tab(credential: Any, asks: bool, wire: Wire, estate: Estate) -> None:
    assert live_names._may_prompt(credential) is asks
    if asks:
        live = LiveNames(Session(replace(estate.connection, credential=credential)))
        assert offered("backup-vault show -g ", live) == [] and wire.sent == []


_LINES = st.one_of(command_lines(), st.text(), st.lists(st.sampled_from(list(pieces()))).map("".join))


@pytest.mark.usefixtures("patient")
@given(text=_LINES)
def test_any_text_has_an_answer_from_the_estate(estate: Estate, text: str) -> None:
    fragment, found = candidates(text, {"group": "testBkpVaultRG"}, LiveNames(Session(estate.connection)))
    assert text.endswith(fragment) and all(one.text for one in found)


@settings(max_examples=25)
@given(text=_LINES | st.sampled_from(["backup-vault show -g ", "job show --job-id ", "backup-vault show --ids /"]))
def test_any_text_has_an_answer_in_time_when_all_hangs(text: str) -> None:
    release, wire, clock = threading.Event(), Wire(), Hands()
    wire.before = lambda request: hold(release)
    live = LiveNames(Session(wire.connection()), clock, clock.wait)
    candidates(text, {}, live.tab())
    release.set()
    assert clock.waited in ([], [live_names.PATIENCE])  # once a Tab, however much it asks


def test_every_kind_of_live_option_has_a_finder() -> None:
    from dpmagic.commands.table import commands
    from dpmagic.session_commands import COMMANDS

    every = [option for command in (*commands().values(), *COMMANDS) for option in command.all_options]
    assert {option.live for option in every if option.live} == set(live_names._FINDERS)


def test_ids_are_of_types_from_the_top_down() -> None:
    """Completion goes from a vault to what is in it."""
    from dpmagic.commands.table import commands

    tops = {"backupVaults", "resourceGuards"}
    for command in commands().values():
        if command.ids:
            types = [option.id_part for option in command.options if option.id_part not in ("", "resourceGroups")]
            assert types and types[0] in tops and not tops & set(types[1:]), command.name


def test_a_question_is_of_plain_text() -> None:
    assert hash(Question("vault", group="g")) == hash(Question("vault", "", "g"))

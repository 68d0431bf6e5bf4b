"""Handles: what ``--no-wait`` and Ctrl-C leave, shown, waited for, and resumed in another process."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import dpmagic
from dpmagic.connection import SystemClock
from dpmagic.errors import AzureError, DpmagicError, Interrupted, InvalidArgument, NotConnected, NotFound, OutOfTouch
from dpmagic.execute import Result, execute
from dpmagic.handles import Handle
from dpmagic.results import Text
from dpmagic.sandbox import Sandbox
from dpmagic.session import Session, current
from tests.canned import Heard, canned_connection
from tests.commands.estate import Estate
from tests.served import Served, served_sandbox
from tests.test_execute import CREATE, VAULT
from tests.test_shell import DPMAGIC
from tests.wire import BACKUP, TOKEN, Wire

DELETE = f"backup-vault delete {VAULT} --yes"


def session_of(wire: Wire) -> Session:
    return Session(wire.connection(), observer=Heard())


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def session(wire: Wire) -> Session:
    return session_of(wire)


def run(text: str, session: Session, **names: Any) -> Result:
    """The last result of some statements."""
    *_, last = execute(text, session, names)
    return last


def left(text: str, session: Session) -> Handle:
    handle = run(f"{text} --no-wait", session).value
    assert isinstance(handle, Handle)
    return handle


@pytest.mark.parametrize("shape", ["", "-o json", "-o tsv --query [name,location]", "-o raw", "-o none", "--query id"])
def test_waiting_later_gives_what_waiting_gives(shape: str) -> None:
    """In two worlds with the same history, to the byte."""
    waited = run(f"{CREATE} {shape}", session_of(Wire()))
    handle = left(f"{CREATE} {shape}", session_of(Wire()))
    later = handle.finish()
    assert type(later.value) is type(waited.value) and later.line == waited.line
    if isinstance(waited.value, Text | None):
        assert later.value == waited.value
    else:
        assert later.value.equals(waited.value) and later.value.attrs == waited.value.attrs


def test_a_command_without_an_answer_says_what_was_done(session: Session) -> None:
    run(CREATE, session)
    handle = left(DELETE, session)
    assert handle.wait() is None
    assert session.observer.said[-1:] == ["deleted vault TestBkpVault"]  # type: ignore[attr-defined]
    assert handle.finish().line == "deleted vault TestBkpVault"


def test_it_shows_what_it_does_and_since_when(wire: Wire, session: Session) -> None:
    handle = left(CREATE, session)
    shown = repr(handle)
    assert shown == (
        "create vault TestBkpVault: InProgress, accepted 2026-03-02 08:00:00 UTC; .wait() follows it to its end"
    )
    html = handle._repr_html_()
    assert "<b>create vault TestBkpVault</b>: InProgress" in html and "operationStatus" not in html + shown
    wire.sleep(60)
    assert repr(handle) == shown  # nothing is asked, and no time has passed, because it is looked at
    assert not handle.done and handle.refresh() is handle and handle.done
    assert repr(handle).endswith("Succeeded, accepted 2026-03-02 08:00:00 UTC; .wait() gives its answer")


def test_a_name_is_escaped_in_html(session: Session) -> None:
    handle = left(CREATE, session)
    handle._operation.request = handle._operation.request.__class__("PUT", "/x", purpose="create <b>&")
    assert "<b>create &lt;b&gt;&amp;</b>" in handle._repr_html_()


def test_an_operation_that_fails_says_so_each_time() -> None:
    estate = Estate()
    session = Session(estate.connection)
    estate.protect()
    on = f"{'-g testBkpVaultRG -v v1'} -n data-01-data-01-0001"
    estate.run(f"backup-instance adhoc-backup {on} --rule-name BackupHourly")
    failing = left(f"backup-instance adhoc-backup {on} --rule-name BackupHourly", session)
    for _ in range(2):
        with pytest.raises(AzureError):
            failing.wait()
    assert failing.done and failing.status == "Failed" and repr(failing).endswith(".wait() says what went wrong")


def test_several_ids_give_several_handles(session: Session) -> None:
    run(CREATE + "\n" + CREATE.replace("TestBkpVault ", "Other "), session)
    ids = run("backup-vault list --query [].id", session).value["value"]
    result = run("backup-vault delete --ids $ids --yes --no-wait", session, ids=list(ids))
    assert [handle.wait() for handle in result.value] == [None, None]
    said = session.observer.said[-2:]  # type: ignore[attr-defined]
    assert sorted(said) == ["deleted vault Other", "deleted vault TestBkpVault"]


def test_what_was_accepted_before_a_refusal_is_not_lost(session: Session) -> None:
    run(CREATE, session)
    there = run("backup-vault list --query [].id", session).value.loc[0, "value"]
    ids = [there, there.replace("testBkpVaultRG", "nothere")]
    with pytest.raises(AzureError):
        run("backup-vault delete --ids $ids --yes --no-wait", session, ids=ids)
    assert run("resume", session).line == "deleted vault TestBkpVault"


def test_a_file_is_not_written_before_there_is_an_answer(session: Session, tmp_path: Path) -> None:
    result = run(f"{CREATE} --no-wait > {tmp_path}/vault.json", session)
    assert isinstance(result.value, Handle) and "nothing was written" in result.line
    assert not (tmp_path / "vault.json").exists()


def contents(token: str) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(zlib.decompress(base64.urlsafe_b64decode(token)))
    return state


def test_a_token_is_one_short_word_without_a_secret(session: Session) -> None:
    token = left(CREATE, session).token
    assert re.fullmatch(r"[\w=-]{100,800}", token) and not token.startswith("-")
    held = json.dumps(contents(token))
    assert TOKEN not in held and "Bearer" not in held and "principalId" not in held
    assert f"/subscriptions/{BACKUP}/" in held and "https://sandbox.invalid" in held


@pytest.mark.parametrize("by", ["statement", "spread name", "session"])
def test_a_token_resumes_without_a_second_change(wire: Wire, session: Session, by: str) -> None:
    token = left(f"{CREATE} -o json", session).token
    wire.sent.clear()
    other = session_of(wire)
    if by == "session":
        value = other.resume(token).wait()
    elif by == "statement":
        value = run(f"resume {token}", other).value
    else:
        value = run("resume $token", other, token=token).value
    assert json.loads(value)["properties"]["provisioningState"] == "Succeeded"
    assert wire.changes == []


def test_a_resumed_command_without_an_answer_says_what_was_done(wire: Wire, session: Session) -> None:
    run(CREATE, session)
    token = left(DELETE, session).token
    result = run(f"resume {token}", session_of(wire))
    assert (result.value, result.line) == (None, "deleted vault TestBkpVault")


def test_the_form_without_o_is_that_of_where_it_is_resumed(wire: Wire, session: Session) -> None:
    token = left(CREATE, session).token
    other = session_of(wire)
    other.output = "json"
    assert json.loads(run(f"resume {token}", other).value)["name"] == "TestBkpVault"


def test_resume_takes_the_last_one_left(session: Session) -> None:
    with pytest.raises(InvalidArgument, match="nothing was left") as caught:
        run("resume", session)
    assert "resume TOKEN" in caught.value.hint
    first, second = left(CREATE, session), left(CREATE.replace("TestBkpVault ", "Other "), session)
    assert session.handles == [first, second]
    assert run("resume --no-wait", session).value is second
    assert run("resume", session).value.loc[0, "name"] == "Other"
    first.wait()
    assert run("resume", session).value.loc[0, "name"] == "Other"
    third = left(DELETE, session)
    assert session.handles == [third]


def test_the_librarys_resume(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dpmagic.session.current.__wrapped__", Session)
    current.cache_clear()
    current().use(wire.connection())
    handle = dpmagic.run(f"{CREATE} --no-wait")
    assert dpmagic.resume() is handle
    assert dpmagic.resume(handle.token).wait().loc[0, "name"] == "TestBkpVault"
    current.cache_clear()


def test_another_target_is_refused(session: Session) -> None:
    token = left(CREATE, session).token
    elsewhere, sent = canned_connection([])
    with pytest.raises(InvalidArgument, match=r"from sandbox .* is to https://canned\.invalid") as caught:
        Session(elsewhere).resume(token)
    assert "connect to where" in caught.value.hint and sent == []


def test_a_subscription_that_the_caller_does_not_see_is_refused(wire: Wire) -> None:
    token = left(CREATE, Session(Wire(Sandbox(subscriptions=["s-3"])).connection())).token
    token = _with(token, lambda text: text.replace(BACKUP, "s-3"))
    with pytest.raises(NotConnected, match="in subscription s-3, which the holder of the given token does not see"):
        session_of(wire).resume(token)


def test_another_sandbox_does_not_know_it(session: Session) -> None:
    token = left(CREATE, session).token
    with pytest.raises(NotFound) as caught:
        session_of(Wire()).resume(token).wait()
    assert "another sandbox" in caught.value.hint


def _with(token: str, change: Any) -> str:
    text = change(zlib.decompress(base64.urlsafe_b64decode(token)).decode())
    return base64.urlsafe_b64encode(zlib.compress(text.encode())).decode()


_JSON = st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=2))
GOOD = left(CREATE, session_of(Wire())).token


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def whole(token: str) -> bool:
    """Whether it is a token after all: base64 and deflate have a few bits to spare, and their checksum tells."""
    try:
        return contents(token).keys() == contents(GOOD).keys()
    except (ValueError, AttributeError, zlib.error):
        return False


_CUT = st.integers(1, len(GOOD) - 1).map(lambda at: GOOD[:at])
_CHANGED = st.integers(0, len(GOOD) - 1).flatmap(
    lambda at: st.sampled_from("AB-_ é=").map(lambda letter: GOOD[:at] + letter + GOOD[at + 1 :])
)
_OTHER = _JSON.map(lambda value: encoded(zlib.compress(json.dumps(value).encode())))


@given(st.text(min_size=1) | st.binary(min_size=1).map(encoded) | _OTHER | _CUT | _CHANGED)
def test_any_other_token_is_refused_in_our_own_words(token: str) -> None:
    assume(not whole(token.strip()))
    with pytest.raises(DpmagicError):
        session_of(Wire()).resume(token)


@pytest.mark.parametrize("part", ["target", "endpoint", "form", "operation"])
@given(value=_JSON)
def test_any_other_content_is_refused_in_our_own_words(part: str, value: Any) -> None:
    state = contents(GOOD) | {part: value}
    token = base64.urlsafe_b64encode(zlib.compress(json.dumps(state).encode())).decode()
    with pytest.raises(DpmagicError):
        session_of(Wire()).resume(token)


def interrupt_at(wire: Wire, nth: int) -> None:
    """Ctrl-C at the nth request from now."""

    def interrupt(request: Any) -> None:
        nonlocal nth
        nth -= 1
        if nth == 0:
            raise KeyboardInterrupt

    wire.before = interrupt


def test_ctrl_c_leaves_a_handle_and_says_how_to_go_on(wire: Wire, session: Session) -> None:
    session.prefix = "%dataprotection "
    interrupt_at(wire, 3)
    with pytest.raises(Interrupted) as caught:
        run(f"made << {CREATE}", session)
    assert caught.value.lines() == [
        "Interrupted: stopped waiting: Azure goes on to create vault TestBkpVault",
        "  hint: go on waiting with `%dataprotection resume`; "
        "`%dataprotection resume --no-wait` gives a handle, whose .token serves another process",
    ]
    assert "made" not in session.names
    assert run("backup-vault list", session).value.loc[0, "name"] == "TestBkpVault"  # the connection works
    assert run("made << resume", session).value is session.names["made"]
    assert session.names["made"].loc[0, "provisioningState"] == "Succeeded"
    assert [method for method, _ in wire.changes] == ["PUT"]


def test_where_the_session_ends_with_the_command_the_hint_has_the_token(wire: Wire, session: Session) -> None:
    session.prefix, session.stays = "dpmagic run --target sandbox -- ", False
    interrupt_at(wire, 3)
    with pytest.raises(Interrupted) as caught:
        run(CREATE, session)
    told, _, token = caught.value.hint.rpartition(" ")
    assert told == "go on waiting with: dpmagic run --target sandbox -- resume"
    assert run(f"resume {token}", session_of(wire)).value.loc[0, "name"] == "TestBkpVault"


def test_ctrl_c_again_and_again(wire: Wire, session: Session) -> None:
    handle = left(CREATE, session)
    for _ in range(3):
        interrupt_at(wire, 1)
        with pytest.raises(Interrupted, match="goes on to create vault"):
            handle.wait()
        interrupt_at(wire, 1)
        with pytest.raises(Interrupted, match="goes on to create vault"):
            run("resume", session)
    assert session.handles == [handle]
    assert handle.wait().loc[0, "name"] == "TestBkpVault"


def test_a_lost_network_leaves_a_handle_too(wire: Wire, session: Session) -> None:
    from azure.core.exceptions import ServiceResponseError

    def broken(request: Any) -> None:
        if request.method == "GET":
            raise ServiceResponseError("reset by peer")

    wire.before = broken
    with pytest.raises(OutOfTouch, match=r"lost sight of .*create vault TestBkpVault.*reset by peer") as caught:
        run(CREATE, session)
    assert caught.value.hint.startswith("go on waiting with `resume`")
    wire.before = lambda request: None
    assert run("resume", session).value.loc[0, "name"] == "TestBkpVault"


def test_ctrl_c_says_which_ids_were_not_begun(wire: Wire, session: Session) -> None:
    run("\n".join(CREATE.replace("TestBkpVault ", f"v{number} ") for number in range(3)), session)
    ids = list(run("backup-vault list --query [].id", session).value["value"])

    def second_poll(request: Any) -> None:
        if "operationStatus" in request.url and sum(method == "DELETE" for method, _ in wire.sent) == 2:
            raise KeyboardInterrupt

    wire.before = second_poll
    with pytest.raises(Interrupted, match="delete vault v1") as caught:
        run("backup-vault delete --ids $ids --yes", session, ids=ids)
    assert caught.value.hint.endswith("of the 3 ids the last 1 were not begun")


def test_ctrl_c_before_the_last_step_does_not_offer_to_resume() -> None:
    """What is waited for first when an instance is created is its validation: following that creates nothing."""
    wire = Wire()
    estate = Estate(connection=wire.connection())
    estate.permit()
    session = session_of(wire)

    def validating(request: Any) -> None:
        if wire.sent[-2][1].partition("?")[0].endswith("validateForBackup"):
            raise KeyboardInterrupt

    wire.before = validating
    with pytest.raises(Interrupted) as caught:
        run("backup-instance create -g testBkpVaultRG -v v1 --backup-instance $it", session, it=estate.instance())
    assert caught.value.hint == "what was to follow was not done: run the command again" and session.handles == []
    wire.before = lambda request: None
    assert len(run("backup-instance list -g testBkpVaultRG -v v1", session).value) == 0


def test_ctrl_c_while_the_change_is_sent_claims_nothing(wire: Wire, session: Session) -> None:
    def sending(request: Any) -> None:
        if request.method == "PUT":
            raise KeyboardInterrupt

    wire.before = sending
    with pytest.raises(Interrupted, match="in the middle of asking for: create vault TestBkpVault") as caught:
        run(CREATE, session)
    assert caught.value.hint == "see whether it was done" and session.handles == []


_PUTS_AND_DIES = f"""
import os, pathlib, signal, dpmagic
dpmagic.connect_sandbox(state="azure")
handle = dpmagic.run({CREATE!r} + " --no-wait")
pathlib.Path("token").write_text(handle.token)
os.kill(os.getpid(), signal.SIGKILL)
"""
_RESUMES = """
import json, pathlib, dpmagic
from dpmagic import connection
made = dpmagic.connect_sandbox(state="azure")
sent, send = [], made.transport.send
made.transport.send = lambda request, **options: (sent.append(request.method), send(request, **options))[1]
handle = dpmagic.resume(pathlib.Path("token").read_text())
frame = handle.wait()
print(json.dumps([sorted(set(sent)), type(frame).__name__, frame.loc[0, "provisioningState"], repr(handle)]))
"""


def test_a_killed_process_is_resumed_by_another(tmp_path: Path) -> None:
    def process(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True)

    assert process(_PUTS_AND_DIES).returncode == -signal.SIGKILL
    methods, kind, state, shown = json.loads(process(_RESUMES).stdout)
    assert (methods, kind, state) == (["GET"], "DataFrame", "Succeeded")
    assert shown.startswith("create vault TestBkpVault: Succeeded, accepted 2026-03-02 08:00:00 UTC")


@pytest.fixture
def slow_server(tmp_path: Path) -> Iterator[Served]:
    """A served sandbox that really says to come back in 10 seconds."""
    with served_sandbox(tmp_path) as served:
        real = served.sandbox.handle

        def patient(*request: Any) -> Any:
            reply = real(*request)
            if "retry-after" in reply.headers:
                headers = {name: value for name, value in reply.headers.items() if name != "retry-after"}
                reply = type(reply)(reply.status, {**headers, "retry-after-ms": "10000"}, reply.body)
            return reply

        served.sandbox.handle = patient  # type: ignore[method-assign]
        yield served


def _shell(where: tuple[str, ...], *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "DPMAGIC_TOKEN": TOKEN}
    return subprocess.Popen(
        [*DPMAGIC, "run", *where, "--", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment,
    )  # fmt: skip


@pytest.mark.slow
def test_sigint_in_a_shell(slow_server: Served) -> None:
    where = ("--endpoint", slow_server.url, "--ca", str(slow_server.ca), "--subscription", "Backup")
    waiting = _shell(where, *CREATE.split())
    clock = SystemClock()
    for _ in range(600):
        if any(method == "PUT" for method, *_ in slow_server.requests):
            break
        clock.sleep(0.05)
    clock.sleep(0.5)  # the PUT is answered, and the first look; then it waits
    waiting.send_signal(signal.SIGINT)
    out, error = waiting.communicate(timeout=30)
    assert (waiting.returncode, out) == (130, "")
    told, hint = error.strip().splitlines()
    assert told == "Interrupted: stopped waiting: Azure goes on to create vault TestBkpVault"
    command = hint.removeprefix("  hint: go on waiting with: dpmagic ").split()
    assert command[:-1] == ["run", *where, "--", "resume"] and TOKEN not in error
    slow_server.sandbox.sleep(600)
    resumed = _shell(where, "resume", command[-1])
    out, error = resumed.communicate(timeout=30)
    assert (resumed.returncode, error) == (0, "")
    assert json.loads(out)["properties"]["provisioningState"] == "Succeeded"


def test_no_wait_in_a_shell_prints_nothing_but_how_to_follow(tmp_path: Path) -> None:
    where = ("--target", "sandbox", "--state", str(tmp_path / "azure"))
    out, error = _shell(where, *CREATE.split(), "--no-wait").communicate(timeout=60)
    assert out == ""
    (line,) = error.splitlines()
    told, _, command = line.partition("; go on waiting with: dpmagic ")
    assert told == "create vault TestBkpVault: InProgress, accepted 2026-03-02 08:00:00 UTC"
    resumed = subprocess.run([*DPMAGIC, *command.split()], capture_output=True, text=True)
    assert json.loads(resumed.stdout)["properties"]["provisioningState"] == "Succeeded", resumed.stderr

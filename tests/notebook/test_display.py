"""What is seen while something goes on."""

from __future__ import annotations

import io
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from dpmagic.connection import connect_sandbox
from dpmagic.notebook.display import NotebookProgress, can_answer, observer_of
from dpmagic.progress import Terminal
from dpmagic.session import Session
from tests.notebook.conftest import CREATE, Run


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def waiting() -> Session:
    """A session on the machine's clock: as with Azure, waiting takes time."""
    return Session()


def published(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, str], bool]]:
    """Data of each output from now on, with whether it updates an earlier one."""
    outputs: list[tuple[dict[str, str], bool]] = []

    def publish(data: dict[str, str], metadata: Any = None, update: bool = False, **rest: Any) -> None:
        outputs.append((data, update))

    monkeypatch.setattr(shell.display_pub, "publish", publish)
    return outputs


def test_a_notebook_has_one_line_that_goes(
    shell: InteractiveShell, waiting: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = published(shell, monkeypatch)
    progress = NotebookProgress(waiting)
    progress.stage("creating: InProgress, 0 s")
    progress.stage("creating: InProgress, 30 s")
    progress.done()
    progress.done()
    progress.say("soft delete keeps it for 14 days")
    assert outputs == [
        ({"text/plain": "creating: InProgress, 0 s"}, False),
        ({"text/plain": "creating: InProgress, 30 s"}, True),
        ({}, True),
    ]
    assert capsys.readouterr().out == "soft delete keeps it for 14 days\n"


def test_each_wait_has_a_line_of_its_own(
    shell: InteractiveShell, waiting: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = published(shell, monkeypatch)
    progress = NotebookProgress(waiting)
    for _ in range(2):
        progress.stage("waiting")
        progress.done()
    assert [update for _, update in outputs] == [False, True, False, True]


def test_a_terminal_overwrites_its_last_line(waiting: Session) -> None:
    stream = Screen()
    progress = Terminal(lambda: waiting.takes_time, stream)
    progress.stage("creating, 10 s")
    progress.stage("done")
    progress.say("a warning")
    assert stream.getvalue() == f"creating, 10 s\r{'':14}\rdone\r{'':4}\ra warning\n"


def test_a_long_line_is_cut_to_the_terminal(waiting: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    stream = Screen()
    progress = Terminal(lambda: waiting.takes_time, stream)
    progress.stage("x" * 100)
    progress.done()
    assert stream.getvalue() == f"{'x' * 19}\r{'':19}\r"


def test_a_file_gets_no_progress(waiting: Session) -> None:
    stream = io.StringIO()
    progress = Terminal(lambda: waiting.takes_time, stream)
    progress.stage("creating")
    progress.done()
    assert stream.getvalue() == ""


@pytest.mark.parametrize("progress", [NotebookProgress, lambda session: Terminal(lambda: session.takes_time, Screen())])
def test_where_waiting_takes_no_time_there_is_no_progress(shell: InteractiveShell, progress: Any) -> None:
    session = Session()
    session.use(connect_sandbox())
    with capture_output() as captured:
        observer = progress(session)
        observer.stage("creating: InProgress, 0 s")
        observer.done()
    assert captured.outputs == [] and captured.stdout == captured.stderr == ""


def test_a_long_operation_in_the_sandbox_shows_its_result_only(sandbox: Run) -> None:
    with capture_output() as captured:
        sandbox(f"created = %dataprotection {CREATE.replace('TestBkpVault', 'Second')}")
    assert captured.outputs == [] and captured.stdout == captured.stderr == ""


class Kernel:
    def __init__(self, allow_stdin: bool) -> None:
        self._allow_stdin = allow_stdin


@pytest.mark.parametrize("allowed", [True, False])
def test_a_kernel_says_whether_somebody_can_answer(
    bare_shell: InteractiveShell, waiting: Session, allowed: bool
) -> None:
    bare_shell.kernel = Kernel(allowed)
    assert can_answer(bare_shell) is allowed
    assert isinstance(observer_of(bare_shell, waiting), NotebookProgress)


def test_a_terminal_is_asked_when_it_is_one(
    bare_shell: InteractiveShell, waiting: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert not can_answer(bare_shell)
    monkeypatch.setattr("sys.stdin", Screen())
    assert can_answer(bare_shell)
    monkeypatch.setattr("sys.stdin", None)
    assert not can_answer(bare_shell)
    assert isinstance(observer_of(bare_shell, waiting), Terminal)


def test_the_principal_is_said_once(
    run: Run, session: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first command without ``connect`` means Azure; a sandbox stands in for it here."""
    monkeypatch.setattr("dpmagic.session.connect_azure", connect_sandbox)
    run("%dataprotection backup-vault list;")
    assert capsys.readouterr().err.startswith("connected to Azure as ")
    run("%dataprotection backup-vault list;")
    assert capsys.readouterr().err == ""
    assert session.connection is not None

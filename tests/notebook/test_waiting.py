"""Long work in a notebook: a handle that shows itself, Ctrl-C, and going on, also after a restart of the kernel."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from dpmagic.connection import SystemClock
from dpmagic.errors import Interrupted
from dpmagic.handles import Handle
from dpmagic.session import Session
from tests.notebook.conftest import CREATE, Run
from tests.notebook.test_runners import outputs
from tests.wire import Wire

# The sandbox says to come back in 10 seconds; on the machine's clock that is long enough to press Ctrl-C.
SLOW = """
from dpmagic.connection import SystemClock
from dpmagic.session import current
from tests.wire import Wire
wire = Wire()
current().use(wire.connection(SystemClock()))
"""


@pytest.fixture
def slow(session: Session) -> Wire:
    """The session waits for real."""
    wire = Wire()
    session.use(wire.connection(SystemClock()))
    return wire


def press_ctrl_c(after: float) -> None:
    threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_a_handle_shows_itself(sandbox: Run, shell: InteractiveShell) -> None:
    handle = sandbox(f"%dataprotection {CREATE.replace('TestBkpVault', 'Second')} --no-wait")
    assert isinstance(handle, Handle) and shell.user_ns["_"] is handle
    bundle, _ = shell.display_formatter.format(handle)
    assert bundle["text/plain"].startswith("create vault Second: InProgress, accepted 2026-03-02 08:")
    assert bundle["text/html"].startswith("<p><b>create vault Second</b>: InProgress")
    assert sandbox("_.wait()").loc[0, "provisioningState"] == "Succeeded"
    assert "Succeeded" in repr(handle)


def test_a_stored_handle_is_resumed_by_its_token(sandbox: Run, shell: InteractiveShell) -> None:
    sandbox(f"%dataprotection handle << {CREATE.replace('TestBkpVault', 'Second')} --no-wait")
    made = sandbox("made = %dataprotection resume ${handle.token}\nmade")
    assert made.loc[0, "name"] == "Second"


def test_ctrl_c_stops_the_waiting_and_says_how_to_go_on(
    run: Run, slow: Wire, shell: InteractiveShell, capfd: pytest.CaptureFixture[str]
) -> None:
    press_ctrl_c(0.7)
    result = shell.run_cell(f"made = %dataprotection {CREATE}")
    assert isinstance(result.error_in_exec, Interrupted) and "made" not in shell.user_ns
    shown = capfd.readouterr()
    told, hint = [line for line in (shown.out + shown.err).splitlines() if "create vault" in line or "hint" in line]
    assert told.endswith("stopped waiting: Azure goes on to create vault TestBkpVault")
    assert hint.startswith("  hint: go on waiting with `%dataprotection resume`; ")
    run("%dataprotection backup-vault list;")  # the connection is as good as before
    slow.sleep(600)
    assert run("made = %dataprotection resume\nmade").loc[0, "provisioningState"] == "Succeeded"
    assert [method for method, _ in slow.changes] == ["PUT"]


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("%dataprotection job list -g testBkpVaultRG -v TestBkpVault", "nothing was changed"),
        ("%dataprotection backup-instance list-from-resourcegraph", "nothing was changed"),
        ("%resourcegraph resources | project id", "run it again"),
    ],
)
def test_ctrl_c_while_it_reads_is_two_lines(shell: InteractiveShell, slow: Wire, cell: str, hint: str) -> None:
    def interrupt(request: Any) -> None:
        raise KeyboardInterrupt

    slow.before = interrupt
    with capture_output() as captured:
        result = shell.run_cell(cell)
    assert isinstance(result.error_in_exec, Interrupted)
    shown = (captured.stdout + captured.stderr).strip().splitlines()
    assert len(shown) == 2 and "stopped before" in shown[0] and hint in shown[1]


def test_ctrl_c_stops_the_rest_of_the_cell(run: Run, slow: Wire, shell: InteractiveShell) -> None:
    press_ctrl_c(0.7)
    with capture_output():
        result = shell.run_cell(f"%%dataprotection\n{CREATE}\nafter = 'x'")
    assert isinstance(result.error_in_exec, Interrupted) and "after" not in shell.user_ns


def test_ctrl_c_while_a_handle_waits(run: Run, slow: Wire, shell: InteractiveShell) -> None:
    handle = run(f"handle = %dataprotection {CREATE} --no-wait\nhandle")
    press_ctrl_c(0.7)
    with capture_output() as captured:
        shell.run_cell("handle.wait()")
    assert "go on waiting with `%dataprotection resume`" in captured.stdout + captured.stderr
    assert not handle.done
    slow.sleep(600)
    assert run("handle.wait()").loc[0, "name"] == "TestBkpVault"


@pytest.fixture
def kernel() -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(Path(__file__).parents[2]))
    client.execute_interactive("%load_ext dpmagic", timeout=60)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def values(client: BlockingKernelClient, cell: str) -> list[str]:
    """The plain text of what a cell shows."""
    return [one["data"]["text/plain"] for one in outputs(client, cell) if "data" in one]


@pytest.mark.slow
def test_the_interrupt_button(kernel: tuple[KernelManager, BlockingKernelClient]) -> None:
    manager, client = kernel
    outputs(client, SLOW)
    threading.Timer(1.5, manager.interrupt_kernel).start()
    shown = outputs(client, f"%dataprotection {CREATE}")
    assert [one["type"] for one in shown if "data" in one][:1] == ["display_data"]  # the progress, while it lasted
    (error,) = [one for one in shown if one["type"] == "error"]
    assert (error["ename"], len(error["traceback"])) == ("Interrupted", 2)
    assert "%dataprotection resume" in error["traceback"][1]
    outputs(client, "wire.sleep(600)")
    text = "%dataprotection made << resume\nprint(made.loc[0, 'provisioningState'], [m for m, _ in wire.changes])"
    assert [one["text"] for one in outputs(client, text) if one["type"] == "stream"] == ["Succeeded ['PUT']\n"]


@pytest.mark.slow
def test_a_restarted_kernel_goes_on(kernel: tuple[KernelManager, BlockingKernelClient], tmp_path: Path) -> None:
    manager, client = kernel
    outputs(client, f"%dataprotection connect sandbox --state {tmp_path}/azure;")
    outputs(client, f"import pathlib\nhandle = %dataprotection {CREATE} --no-wait")
    assert outputs(client, f"n = pathlib.Path('{tmp_path}/token').write_text(handle.token)") == []
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=60)
    outputs(client, "%load_ext dpmagic\nimport pathlib, dpmagic")
    outputs(client, f"%dataprotection connect sandbox --state {tmp_path}/azure;")
    outputs(client, f"token = pathlib.Path('{tmp_path}/token').read_text()")
    (waiting,) = values(client, "%dataprotection resume $token --no-wait")
    assert waiting.startswith("create vault TestBkpVault: InProgress, accepted 2026-03-02 08:00:")
    (made,) = values(client, "%dataprotection resume $token")
    assert "TestBkpVault" in made and "Succeeded" in made
    assert values(client, "dpmagic.resume(token)")[0].startswith("create vault TestBkpVault: InProgress")


def test_what_waits_for_real_shows_progress_and_takes_it_away(slow: Wire, shell: InteractiveShell) -> None:
    """On a screen; where nobody looks there is none."""
    from dpmagic.progress import Terminal
    from tests.notebook.test_display import Screen

    screen, said = Screen(), []
    session: Any = shell.magics_manager.registry["DataProtection"].session
    session.observer = Terminal(lambda: session.takes_time, screen)
    press_ctrl_c(0.7)
    with capture_output():
        said.append(shell.run_cell(f"%dataprotection {CREATE}"))
    assert "create vault TestBkpVault: InProgress, 0 s" in screen.getvalue()
    assert screen.getvalue().endswith("\r")

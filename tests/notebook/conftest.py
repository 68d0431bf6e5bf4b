"""A real IPython with dpmagic loaded, in this process, and a sandbox to talk to."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from dpmagic.session import Session, current

CREATE = (
    "backup-vault create -g testBkpVaultRG --vault-name TestBkpVault -l westus --type SystemAssigned "
    '--storage-settings datastore-type="VaultStore" type="LocallyRedundant"'
)

Run = Callable[[str], Any]


@pytest.fixture
def bare_shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """An IPython without dpmagic."""
    # A doctest of the same process leaves its last value in `builtins._`, and IPython then keeps no `_` of its own.
    monkeypatch.delattr(builtins, "_", raising=False)
    vars(current()).update(vars(Session()))  # other tests of this process may have left it connected
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.displayhook.flush = lambda: None  # else closing it takes longer than the test
    yield shell
    shell.restore_sys_module_state()
    InteractiveShell.clear_instance()


@pytest.fixture
def shell(bare_shell: InteractiveShell) -> Iterator[InteractiveShell]:
    """An IPython in which ``%load_ext dpmagic`` has run, not connected."""
    bare_shell.run_line_magic("load_ext", "dpmagic")
    yield bare_shell
    bare_shell.run_line_magic("unload_ext", "dpmagic")
    current().connection = None


@pytest.fixture
def session(shell: InteractiveShell) -> Session:
    """The session that the shell's magics use."""
    return current()


@pytest.fixture
def run(shell: InteractiveShell) -> Run:
    """Run a cell; its value, or the error it raised."""

    def run_cell(text: str) -> Any:
        result = shell.run_cell(text, store_history=True)
        result.raise_error()
        return result.result

    return run_cell


@pytest.fixture
def sandbox(run: Run, capsys: pytest.CaptureFixture[str]) -> Run:
    """The same, connected to a sandbox that has the tutorial's vault."""
    run("%dataprotection connect sandbox")
    run(f"%dataprotection {CREATE};")
    capsys.readouterr()
    return run

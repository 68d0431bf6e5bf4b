"""The magics where notebooks really run: a kernel, nbclient, nbval, papermill.  A failing command fails each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from tests.notebook.conftest import CREATE

pytestmark = pytest.mark.slow

_KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
_FAILING = ("%load_ext dpmagic", "%dataprotection backup-vualt list")
_WORKING = (
    "%load_ext dpmagic",
    "%dataprotection connect sandbox",
    f"%%dataprotection {CREATE}",
    "%%dataprotection\nvaults << backup-vault list\ncontext\nbackup-vault show -g testBkpVaultRG -v TestBkpVault",
    "%dataprotection backup-vault list > vaults.json",
    "%dataprotection backup-vault list?",
    "%dataprotection backup-vault delete -g testBkpVaultRG --vault-name TestBkpVault --yes",
)


def notebook(*cells: str) -> NotebookNode:
    return new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=_KERNEL)


def executed(made: NotebookNode, folder: Path) -> NotebookNode:
    done: NotebookNode = NotebookClient(made, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    return done


def nbval(made: NotebookNode, folder: Path, option: str) -> subprocess.CompletedProcess[str]:
    path = folder / "made.ipynb"
    nbformat.write(made, path)
    words = ["-m", "pytest", option, "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(folder), str(path)]
    return subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True)


def test_a_failing_command_fails_nbclient(tmp_path: Path) -> None:
    with pytest.raises(CellExecutionError, match=r"UnknownCommand.*\n.*did you mean backup-vault"):
        executed(notebook(*_FAILING), tmp_path)


def test_a_failing_command_fails_papermill(tmp_path: Path) -> None:
    path = tmp_path / "made.ipynb"
    nbformat.write(notebook(*_FAILING), path)
    with pytest.raises(papermill.PapermillExecutionError, match="UnknownCommand"):
        papermill.execute_notebook(path, tmp_path / "out.ipynb", progress_bar=False, cwd=tmp_path)


@pytest.mark.parametrize("option", ["--nbval", "--nbval-lax"])
def test_a_failing_command_fails_nbval(tmp_path: Path, option: str) -> None:
    done = nbval(notebook(*_FAILING), tmp_path, option)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout


def test_a_second_run_gives_the_same_outputs(tmp_path: Path) -> None:
    made = executed(notebook(*_WORKING), tmp_path)
    kinds = [[output.output_type for output in cell.outputs] for cell in made.cells]
    assert kinds == [
        [],
        ["display_data"],
        ["execute_result"],
        ["display_data", "display_data", "execute_result"],
        ["display_data"],
        ["execute_result"],
        ["stream", "display_data"],
    ]
    assert (tmp_path / "vaults.json").exists()
    done = nbval(made, tmp_path, "--nbval")
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def kernel() -> Iterator[BlockingKernelClient]:
    """A live kernel with dpmagic loaded."""
    manager, client = start_new_kernel(kernel_name="python3")
    client.execute_interactive("%load_ext dpmagic", timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def outputs(client: BlockingKernelClient, cell: str, answer: str | None = None) -> list[dict[str, Any]]:
    """The outputs of a cell as the kernel sends them; ``answer`` is given to whatever it asks."""
    messages: list[dict[str, Any]] = []
    client.execute_interactive(
        cell,
        allow_stdin=answer is not None,
        stdin_hook=lambda message: client.input(answer),
        output_hook=messages.append,
        timeout=60,
    )
    kinds = ("stream", "display_data", "update_display_data", "execute_result", "error")
    return [{"type": one["msg_type"], **one["content"]} for one in messages if one["msg_type"] in kinds]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("%dataprotection backup-v", "backup-vault"),
        ("df = %dataprotection backup-vault list --output=ta", "table"),
        ("%%dataprotection\nconnect sand", "sandbox"),
    ],
)
def test_a_kernel_completes(kernel: BlockingKernelClient, code: str, expected: str) -> None:
    content = kernel.complete(code, reply=True, timeout=60)["content"]
    assert content["matches"] == [expected]
    assert content["cursor_end"] == len(code)
    assert expected.startswith(code[content["cursor_start"] :])


def test_a_kernel_reports_an_error(kernel: BlockingKernelClient) -> None:
    (error,) = outputs(kernel, "%dataprotection backup-vualt list")
    assert (error["type"], error["ename"]) == ("error", "UnknownCommand")
    assert len(error["traceback"]) == 2 and error["traceback"][1] == "  hint: did you mean backup-vault?"


def test_progress_in_a_kernel_leaves_nothing(kernel: BlockingKernelClient) -> None:
    cell = "from dpmagic.session import Session\nfrom dpmagic.notebook.display import NotebookProgress\n"
    cell += "progress = NotebookProgress(Session())\nprogress.stage('0 s')\nprogress.stage('30 s')\nprogress.done()"
    shown = outputs(kernel, cell)
    assert [(one["type"], one["data"]) for one in shown] == [
        ("display_data", {"text/plain": "0 s"}),
        ("update_display_data", {"text/plain": "30 s"}),
        ("update_display_data", {}),
    ]
    assert len({one["transient"]["display_id"] for one in shown}) == 1


@pytest.mark.parametrize(("answer", "left"), [(None, "1"), ("n", "1"), ("yes", "0")])
def test_a_live_notebook_is_asked(kernel: BlockingKernelClient, answer: str | None, left: str) -> None:
    outputs(kernel, f"%%dataprotection\nconnect sandbox;\n{CREATE};")
    shown = outputs(kernel, "%dataprotection backup-vault delete -g testBkpVaultRG -v TestBkpVault", answer)
    assert ("NotConfirmed" in [one.get("ename") for one in shown]) is (answer != "yes")
    (count,) = outputs(kernel, "%dataprotection backup-vault list --query length(@) -o tsv")
    assert count["data"]["text/plain"] == left

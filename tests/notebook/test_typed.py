"""What people type, and what IPython gets of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from dpmagic.commands.help import Help
from dpmagic.notebook.typed import as_typed
from tests.notebook.conftest import Run


@pytest.mark.parametrize(
    ("typed", "made"),
    [
        ("%dataprotection?\n", "%dataprotection --help\n"),
        ("%dataprotection??\n", "%dataprotection --help\n"),
        ("%dataprotection job list?\n", "%dataprotection job list --help\n"),
        ("%dataprotection job list ? \n", "%dataprotection job list --help\n"),
        ("df = %dataprotection job list?\n", "%dataprotection job list --help\n"),
        ("if True:\n    %dataprotection job?\n", "if True:\n    %dataprotection job --help\n"),
        ("%%dataprotection?\n", "%%dataprotection --help\n\n"),
        ("%%dataprotection backup-vault?\n", "%%dataprotection backup-vault --help\n\n"),
        ("%%dataprotection job list?\ncontext\n", "%%dataprotection job list --help\ncontext\n"),
        ("%%dataprotection job list\n", "%%dataprotection job list\n\n"),
        ("%%dataprotection\n", "%%dataprotection\n\n"),
        ("df = %dataprotection job list;\n", "df = %dataprotection job list\n"),
        ("d['k'] = %dataprotection job list ; \n", "d['k'] = %dataprotection job list\n"),
    ],
)
def test_what_is_changed(typed: str, made: str) -> None:
    assert "".join(as_typed(typed.splitlines(keepends=True))) == made


@pytest.mark.parametrize(
    "cell",
    [
        "%dataprotection job list\n",
        "%dataprotection job list;\n",
        '%dataprotection job list --query "[?a]"\n',
        "%%dataprotection\njob list --query '[?a]'\n",
        "%dataprotectionx?\n",
        "x = %%dataprotection job list?\n",
        "=%%dataprotection?\n",
        "print?\n",
        "x = 1;\n",
        '"""\n%dataprotection job list?\ndf = %dataprotection job list;\n"""\n',
        "# try %dataprotection job list?\n",
        "%%writefile a.py\n%dataprotection job list?\n",
    ],
)
def test_what_is_left_alone(cell: str) -> None:
    lines = cell.splitlines(keepends=True)
    assert as_typed(lines) == lines


@given(st.lists(st.sampled_from(["%dataprotection", "%%dataprotection", "?", ";", "=", " ", "x", '"', "'", "\\", "#"])))
def test_any_line_is_read(parts: list[str]) -> None:
    made = as_typed(["".join(parts) + "\n"])
    assert all(line.endswith("\n") for line in made)
    assert as_typed(made) == made or made[0].endswith(("? --help\n", ";\n", "; --help\n"))


@pytest.mark.parametrize(
    "cell",
    [
        "%dataprotection job list?",
        "%%dataprotection job list?",
        "%dataprotection job list --help",
        "df = %dataprotection job list?",
    ],
)
def test_help_of_a_command(run: Run, shell: InteractiveShell, cell: str) -> None:
    shown = run(cell)
    assert isinstance(shown, Help)
    bundle, _ = shell.display_formatter.format(shown)
    assert bundle["text/plain"].startswith("job list: ") and "<b>job list</b>" in bundle["text/html"]


def test_pythons_own_help_still_works(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("len?")
    assert "Return the number of items" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ("%%dataprotection job list", "incomplete"),  # in a terminal, a cell goes on to an empty line
        ("%%dataprotection\njob list\n", "incomplete"),
        ("%%dataprotection job list\n\n", "complete"),
        ("%dataprotection job list", "complete"),
        ("%dataprotection job list?", "complete"),
        ("%dataprotection job list \\", "incomplete"),
    ],
)
def test_a_terminal_knows_when_a_cell_ends(shell: InteractiveShell, typed: str, status: str) -> None:
    assert shell.check_complete(typed)[0] == status

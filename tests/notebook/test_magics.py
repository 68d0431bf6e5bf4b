"""The magics in a real IPython, against the sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pandas
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from dpmagic.commands.help import Help
from dpmagic.errors import DpmagicError, InvalidArgument, LanguageError, NotConfirmed, UnknownCommand, UnknownOption
from dpmagic.notebook.magics import DataProtection
from dpmagic.results import Preview, Text
from dpmagic.session import Session
from tests.notebook.conftest import CREATE, Run

SHOW = "backup-vault show -g testBkpVaultRG --vault-name TestBkpVault"


def texts(captured: capture_output) -> list[str]:
    """The plain text of each output."""
    return [output.data["text/plain"] for output in captured.outputs]


def test_connect_shows_one_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("%dataprotection connect sandbox") is None
    line, end = capsys.readouterr().out.split("\n")
    assert line.startswith("connected to sandbox as ") and end == ""
    run("%dataprotection context")
    assert capsys.readouterr().out == line.removeprefix("connected to ") + "\n"


def test_a_line_gives_a_frame(sandbox: Run, shell: InteractiveShell) -> None:
    listed = sandbox("%dataprotection backup-vault list -g testBkpVaultRG")
    assert type(listed) is pandas.DataFrame
    assert list(listed["name"]) == ["TestBkpVault"]
    assert shell.user_ns["_"] is listed


@pytest.mark.parametrize(
    "cell",
    [
        "df = %dataprotection backup-vault list",
        "df = %dataprotection backup-vault list;",
        "df = %dataprotection backup-vault list  # all of them",
        "df = %dataprotection az dataprotection backup-vault list",
        "df = %dataprotection backup-vault \\\n    list",
        "for _ in range(1):\n    df = %dataprotection backup-vault list",
        "%dataprotection df << backup-vault list",
        "%%dataprotection\ndf << backup-vault list",
        "%%dataprotection df << backup-vault list",
        "%%dataprotection df << backup-vault \\\n list",
    ],
)
def test_ways_to_store_a_result(sandbox: Run, shell: InteractiveShell, cell: str) -> None:
    sandbox(cell)
    assert list(shell.user_ns["df"]["name"]) == ["TestBkpVault"]


def test_what_is_stored_by_arrows_is_also_shown(sandbox: Run, shell: InteractiveShell) -> None:
    with capture_output() as captured:
        shown = sandbox(f"%%dataprotection\na << {SHOW} -o json\nb << {SHOW} --query name -o tsv")
    assert shown is shell.user_ns["b"] and shown == "TestBkpVault"
    assert json.loads(shell.user_ns["a"])["name"] == "TestBkpVault"
    assert texts(captured) == [shell.user_ns["a"]]
    assert f"Out[{shell.execution_count - 1}]: TestBkpVault\n" in captured.stdout


@pytest.mark.parametrize("cell", [f"%dataprotection {SHOW}", f"%%dataprotection {SHOW}", f"%%dataprotection\n{SHOW}"])
def test_one_statement_in_each_form(sandbox: Run, cell: str) -> None:
    assert list(sandbox(cell)["name"]) == ["TestBkpVault"]


def test_the_first_line_of_a_cell_is_a_statement_of_its_own(sandbox: Run) -> None:
    with capture_output() as captured:
        last = sandbox(f"%%dataprotection {SHOW} --query name -o tsv\n\n# then\n{SHOW} --query location -o tsv")
    assert texts(captured) == ["TestBkpVault"]
    assert last == "westus" and isinstance(last, Text)


def test_results_come_in_order_and_the_last_is_the_value(sandbox: Run, shell: InteractiveShell) -> None:
    with capture_output() as captured:
        last = sandbox(f"%%dataprotection\n{SHOW}\ncontext\n{SHOW} --query name -o tsv")
    frame, context = texts(captured)
    assert "[1 rows x" in frame and context.startswith("sandbox as ") and last == "TestBkpVault"
    assert shell.user_ns["_"] is last


@pytest.mark.parametrize(
    "cell", [f"%dataprotection {SHOW};", f"%%dataprotection\n{SHOW};", f"%%dataprotection {SHOW};"]
)
def test_a_semicolon_silences(sandbox: Run, cell: str) -> None:
    with capture_output() as captured:
        assert sandbox(cell) is None
    assert captured.outputs == [] and captured.stdout == ""


def test_a_semicolon_silences_its_own_statement_only(sandbox: Run) -> None:
    with capture_output() as captured:
        last = sandbox(f"%%dataprotection\ncontext\n{SHOW};\n{SHOW} -o tsv --query name;")
    assert last is None
    assert [text.split()[0] for text in texts(captured)] == ["sandbox"]


@pytest.mark.parametrize(
    "cell",
    [
        f"%%dataprotection\n    {SHOW}\n  {SHOW}\n",  # to Python, uneven indentation
        f'%%dataprotection\n{SHOW} --query "{{name: name,\n  place: location}}"',  # and a text without end
    ],
)
def test_what_python_could_not_read_is_no_error(sandbox: Run, cell: str) -> None:
    assert list(sandbox(cell)["name"]) == ["TestBkpVault"]


def test_braces_and_dollars_are_not_pythons(sandbox: Run, shell: InteractiveShell) -> None:
    shell.user_ns["rg"] = "testBkpVaultRG"
    listed = sandbox('%dataprotection backup-vault list -g $rg --query "[].{Name: name, Place: location}"')
    assert listed.to_dict("records") == [{"Name": "TestBkpVault", "Place": "westus"}]


def test_a_frame_in_place_of_ids_is_told_what_to_give(sandbox: Run) -> None:
    sandbox("vaults = %dataprotection backup-vault list")
    with pytest.raises(InvalidArgument, match="is not a resource id") as caught:
        sandbox("%dataprotection backup-vault show --ids $vaults")
    assert len(caught.value.message) < 300
    assert "${name.id}" in caught.value.hint
    assert list(sandbox("%dataprotection backup-vault show --ids ${vaults.id}")["name"]) == ["TestBkpVault"]


def test_local_names_come_first(sandbox: Run, shell: InteractiveShell) -> None:
    shell.user_ns["vault"] = "nowhere"
    place = sandbox(
        "group = 'testBkpVaultRG'\n"
        "def place(vault):\n"
        "    found = %dataprotection backup-vault show -g $group --vault-name $vault --query location -o tsv\n"
        "    return found\n"
        "place('TestBkpVault')"
    )
    assert place == "westus"


def test_a_reset_leaves_the_names_bound(sandbox: Run, shell: InteractiveShell) -> None:
    sandbox("%reset -f")
    sandbox("%dataprotection df << backup-vault list")
    assert len(shell.user_ns["df"]) == 1


def test_assignments_store_in_the_notebook(sandbox: Run, shell: InteractiveShell) -> None:
    shell.user_ns["mine"] = "westus"
    found = sandbox('%%dataprotection\n$Group = "testBkpVaultRG"\nplace = $mine\nbackup-vault list -g $Group')
    assert (shell.user_ns["Group"], shell.user_ns["place"]) == ("testBkpVaultRG", "westus")
    assert len(found) == 1


def test_a_file_gets_the_json_and_the_cell_a_line(sandbox: Run, tmp_path: Path) -> None:
    with capture_output() as captured:
        assert sandbox(f"%dataprotection {SHOW} > {tmp_path}/vault.json") is None
    assert json.loads((tmp_path / "vault.json").read_text())["name"] == "TestBkpVault"
    (line,) = texts(captured)
    assert "vault.json" in line and captured.stdout == ""


def test_a_dry_run_gives_its_preview(sandbox: Run, tmp_path: Path) -> None:
    create = CREATE.replace("TestBkpVault", "Second")
    assert isinstance(sandbox(f"%dataprotection {create} --dry-run"), Preview)
    with capture_output() as captured:
        assert isinstance(sandbox(f"%dataprotection {create} --dry-run > {tmp_path}/vault.json"), Preview)
    (line,) = texts(captured)
    assert line.startswith("nothing was written")
    assert len(sandbox("%dataprotection backup-vault list")) == 1


@pytest.mark.parametrize("cell", ["%dataprotection", "%%dataprotection", "%dataprotection --help", "%dataprotection?"])
def test_without_a_command_there_is_help(run: Run, cell: str) -> None:
    shown = run(cell)
    assert isinstance(shown, Help) and "backup-vault" in repr(shown)


def test_a_cell_of_comments_does_nothing(run: Run) -> None:
    assert run("%%dataprotection\n# backup-vault list\n") is None


@pytest.mark.parametrize(
    ("cell", "error", "hint"),
    [
        ("%dataprotection backup-vualt list", UnknownCommand, "did you mean backup-vault?"),
        ("%%dataprotection\nbackup-vault list --grup x", UnknownOption, ""),
        ("%%dataprotection backup-vault list --qeury x", UnknownOption, "did you mean --query?"),
        ("%dataprotection backup-vault list -g $nowhere", LanguageError, ""),
        ("%%dataprotection\nbackup-vault list\nshow -n 'it", LanguageError, ""),
    ],
)
def test_a_fault_is_two_lines(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], cell: str, error: type[DpmagicError], hint: str
) -> None:
    result = shell.run_cell(cell)
    assert type(result.error_in_exec) is error
    assert hint in result.error_in_exec.hint
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 2 and error.__name__ in lines[0] and lines[1].startswith("  hint: ")


def test_xmode_verbose_shows_everything(run: Run, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run("%xmode Verbose")
    shell.run_cell("%dataprotection backup-vualt list")
    run("%xmode Context")
    assert "Traceback" in capsys.readouterr().out


@pytest.mark.slow
def test_not_even_verbose_shows_a_token(run: Run, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run("%xmode Verbose")
    shell.run_cell("%dataprotection connect --endpoint https://127.0.0.1:1 --token s3cr3t-of-mine")
    shell.run_cell("%dataprotection connect --endpoint http://127.0.0.1:1 --token other-s3cr3t")
    run("%xmode Context")
    shown = capsys.readouterr().out
    assert "Traceback" in shown and "ConnectionFailed" in shown and "InvalidArgument" in shown
    assert "s3cr3t" not in shown


def test_a_cell_stops_at_the_first_failure(sandbox: Run, shell: InteractiveShell) -> None:
    with capture_output() as captured:
        result = shell.run_cell(
            f"%%dataprotection\n{SHOW} --query name -o tsv\nbackup-vault show -g testBkpVaultRG -v No\nx = 'stored'"
        )
    assert "No" in str(result.error_in_exec)
    assert texts(captured) == ["TestBkpVault"]
    assert "x" not in shell.user_ns


def test_nothing_runs_when_a_later_line_does_not_read(sandbox: Run, shell: InteractiveShell) -> None:
    result = shell.run_cell(f"%%dataprotection\nfirst << {SHOW}\nbackup-vault list | grep x")
    assert isinstance(result.error_in_exec, LanguageError) and "line 3" in str(result.error_in_exec)
    assert "first" not in shell.user_ns


DELETE = "%dataprotection backup-vault delete -g testBkpVaultRG --vault-name TestBkpVault"


def test_nobody_to_ask_is_no(sandbox: Run, session: Session) -> None:
    with pytest.raises(NotConfirmed, match="Nobody is there to answer"):
        sandbox(DELETE)
    assert len(sandbox("%dataprotection backup-vault list")) == 1


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("YES ", 0), ("n", 1), ("", 1), ("yep", 1), (EOFError(), 1)])
def test_somebody_is_asked(
    sandbox: Run, session: Session, monkeypatch: pytest.MonkeyPatch, answer: str | EOFError, left: int
) -> None:
    asked = []

    def reply(prompt: str) -> str:
        asked.append(prompt)
        if isinstance(answer, EOFError):
            raise answer
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", reply)
    if left:
        with pytest.raises(NotConfirmed, match="the answer was no"):
            sandbox(DELETE)
    else:
        sandbox(DELETE)
    assert len(asked) == 1 and asked[0].endswith(" (y/n): ")
    assert session.ask is None
    assert len(sandbox("%dataprotection backup-vault list")) == left


def test_yes_is_not_asked_and_says_what_was_done(sandbox: Run) -> None:
    with capture_output() as captured:
        assert sandbox(f"{DELETE} --yes") is None
    assert "TestBkpVault" in texts(captured)[-1]


def test_the_documentation_of_the_magic_has_lines_that_parse() -> None:
    from dpmagic import language

    assert DataProtection.dataprotection.__doc__
    lines = DataProtection.dataprotection.__doc__.splitlines()
    shown = [line.partition("%dataprotection ")[2].partition("  ")[0] for line in lines if "%dataprotection " in line]
    assert len(shown) >= 6
    assert all(language.parse(line) for line in shown)

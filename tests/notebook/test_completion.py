"""Completion as IPython asks for it, in process."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from dpmagic.notebook.completion import text_before_cursor
from dpmagic.session import Session
from tests.notebook.conftest import Run
from tests.wire import Wire


def completed(shell: InteractiveShell, text: str) -> list[str]:
    """What the text up to the cursor, marked by ``|``, becomes with each completion."""
    before, _, after = text.partition("|")
    with provisionalcompleter():
        found = list(shell.Completer.completions(before + after, len(before)))
    return [before[: one.start] + one.text for one in found]


FORMS = [
    "%dataprotection {}",
    "df = %dataprotection {}",
    "d['k'] = %dataprotection {}",
    "a, b = %dataprotection {}",
    "x = 1\nif x:\n    %dataprotection {}",
    "%dataprotection \\\n    {}",
    "df = %dataprotection \\\n  {}",
    "%%dataprotection {}",
    "%%dataprotection\n{}",
    "\n%%dataprotection\n{}",
    "%%time\n%dataprotection {}",
    "%%dataprotection job list\nvaults << {}",
    "%%dataprotection\naz dataprotection \\\n  {}",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("backup-v|", ["backup-vault"]),
        ("backup-vault sh|", ["backup-vault show"]),
        ("backup-vault show --vault-n|", ["backup-vault show --vault-name"]),
        ("backup-vault show -o TA|", ["backup-vault show -o table"]),
        ("backup-vault show --output=ta|", ["backup-vault show --output=table"]),
        ('backup-vault show -o "ta|', ['backup-vault show -o "table']),
        ("backup-vault show -g $my_gr|", ["backup-vault show -g $my_group"]),
        ("connect sand|", ["connect sandbox"]),
        ("conte|", ["context"]),
    ],
)
def test_every_form_is_completed(shell: InteractiveShell, form: str, typed: str, expected: list[str]) -> None:
    shell.user_ns["my_group"] = "rg"
    assert completed(shell, form.format(typed)) == [form.format(text) for text in expected]


@pytest.mark.parametrize("form", FORMS)
def test_the_text_after_the_cursor_does_not_matter(shell: InteractiveShell, form: str) -> None:
    assert completed(shell, form.format("backup-vault sh| --vault-name x\njob list")) == [
        form.format("backup-vault show")
    ]


@pytest.mark.parametrize("typed", ["backup-vault list -g ", "backup-vault list -g ab", "x y", "backup-vault list # a"])
def test_python_does_not_answer_where_we_have_nothing(shell: InteractiveShell, typed: str) -> None:
    text = f"%%dataprotection\n{typed}"
    assert completed(shell, f"{text}|") == [text]


def test_names_of_the_user_only(shell: InteractiveShell) -> None:
    shell.user_ns.update(group="rg", _private=1)
    texts = {text.rpartition("$")[2] for text in completed(shell, "%dataprotection backup-vault list -g $|")}
    assert "group" in texts
    assert not texts & {"_private", "In", "Out", "exit", "quit", "get_ipython"}


@pytest.mark.parametrize(
    "text",
    [
        "imp|",
        "x = 1\nimp|",
        "%dataprotection job list\nimp|",
        "%%time\nimp|",
        "'%dataprotection'; imp|",
        "# %dataprotection\nimp|",
    ],
)
def test_python_is_completed_as_before(shell: InteractiveShell, text: str) -> None:
    before = text.rstrip("|")
    assert f"{before}ort" in completed(shell, text)


def test_the_name_of_the_magic_is_completed_by_ipython(shell: InteractiveShell) -> None:
    assert completed(shell, "%dataprot|") == ["%dataprotection", "%%dataprotection"]
    assert completed(shell, "%%dataprot|") == ["%%dataprotection"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("backup-vault show -g testb|", "backup-vault show -g testBkpVaultRG"),
        (
            "backup-vault show -g $my_group --vault-name=test|",
            "backup-vault show -g $my_group --vault-name=TestBkpVault",
        ),
        ("backup-vault show -v 'Te|", "backup-vault show -v 'TestBkpVault"),
        ("backup-vault list --subscription w|", "backup-vault list --subscription Workloads"),
    ],
)
def test_names_of_the_estate_are_completed(
    sandbox: Run, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, form: str, typed: str, expected: str
) -> None:
    monkeypatch.setattr("dpmagic.live_names.PATIENCE", 10)
    shell.user_ns["my_group"] = "testBkpVaultRG"
    assert completed(shell, form.format(typed)) == [form.format(expected)]


def test_a_tab_when_nothing_answers_is_short_and_silent(
    session: Session, shell: InteractiveShell, capfd: pytest.CaptureFixture[str]
) -> None:
    wire, release, answered = Wire(), Event(), Event()

    def hold(request: Any) -> None:
        release.wait(30)
        answered.set()

    wire.before = hold
    session.use(wire.connection())
    completed(shell, "%dataprotection backup-v|")  # builds the tables
    assert completed(shell, "%dataprotection backup-vault show -g |") == ["%dataprotection backup-vault show -g "]
    assert not answered.is_set()
    release.set()
    assert capfd.readouterr() == ("", "")


def test_after_unloading_nothing_is_ours(bare_shell: InteractiveShell) -> None:
    bare_shell.run_line_magic("load_ext", "dpmagic")
    bare_shell.run_line_magic("unload_ext", "dpmagic")
    assert "%dataprotection backup-vault" not in completed(bare_shell, "%dataprotection backup-v|")


@given(st.text(alphabet="%dataprotection \n\\=#'\"a"), st.integers(0, 20), st.integers(0, 40))
def test_any_cell_and_cursor_are_read(text: str, line: int, position: int) -> None:
    lines = text.split("\n")
    line = min(line, len(lines) - 1)
    position = min(position, len(lines[line]))
    ours = text_before_cursor(text, line, position)
    assert ours is None or "\n".join([*lines[:line], lines[line][:position]]).endswith(ours[1])

"""Candidates from the text before the cursor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dpmagic.commands.model import OUTPUTS, Command, Option
from dpmagic.commands.table import commands
from dpmagic.completion import candidates
from dpmagic.language import quote
from dpmagic.session_commands import COMMANDS

NAMES = dict.fromkeys(("vault", "vaults", "_private", "group"), "testBkpVaultRG")
EVERY = {**commands(), **{command.name: command for command in COMMANDS}}


def offered(text: str) -> list[str]:
    return [one.text for one in candidates(text, NAMES)[1]]


def completed(text: str) -> list[str]:
    """The texts that choosing each candidate leads to."""
    fragment, found = candidates(text, NAMES)
    return [text.removesuffix(fragment) + one.text for one in found]


def test_groups_and_commands_of_our_own_come_with_their_help() -> None:
    _, found = candidates("", {})
    kinds = {one.text: one.type for one in found}
    assert kinds["backup-vault"] == "group"
    assert kinds["connect"] == kinds["context"] == kinds["sleep"] == "command"
    assert all(one.help for one in found)


@pytest.mark.parametrize("name", EVERY)
def test_every_command_is_reached_word_by_word(name: str) -> None:
    *before, last = name.split()
    for cut in range(len(last) + 1):
        assert name in completed(" ".join([*before, last[:cut]]))


@pytest.mark.parametrize("command", EVERY.values(), ids=EVERY)
def test_every_option_and_choice_is_offered(command: Command) -> None:
    assert {option.shown for option in command.all_options} <= set(offered(f"{command.name} "))
    for option in command.all_options:
        for spelling in option.names:
            assert set(option.names) & set(offered(f"{command.name} {spelling}"))
            if option.choices:
                assert offered(f"{command.name} {spelling} ") == [quote(choice) for choice in option.choices]


def test_required_options_come_first() -> None:
    command = commands()["backup-vault show"]
    required = [option.shown for option in command.options if option.required]
    assert required and offered("backup-vault show ")[: len(required)] == required


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("backup-vault sh", ["show"]),
        ("az dataprotection backup-vault sh", ["show"]),
        ("az backup-vault sh", ["show"]),
        ("vaults << backup-vault sh", ["show"]),
        ("context\nbackup-vault \\\n  sh", ["show"]),
        ("backup-vault list --resource-g", ["--resource-group"]),
        ("backup-vault list -g", ["-g"]),
        ("backup-vault list -g x --resource-g", []),  # the same option, typed by its other spelling
        ("backup-vault list -g x --que", ["--query"]),
        ("backup-vault list -g ", []),  # whatever the group is called: no option can stand here
        ("backup-vault list -o ta", ["table"]),
        ("backup-vault list -o TA", ["table"]),
        ("backup-vault list --output=ta", ["table"]),
        ('backup-vault list -o "ta', ["table"]),
        ("backup-vault list --output='ta", ["table"]),
        ("backup-vault list --nothing=", []),
        ("backup-vault list --nothing ", None),
        ("backup-vault nothing ", []),
        ("backup-vault list x", []),
        ("--h", ["--help"]),
        ("backup-vault -", ["--help"]),
        ("backup-vault nothing -", []),
        ("connect s", ["sandbox"]),
        ("connect --end", ["--endpoint"]),
        ("connect sandbox --st", ["--state"]),
        ("connect azure --cloud azureus", ["AzureUSGovernment"]),
        ("context -", ["--help"]),
        ("sleep --f", ["--for"]),
        ("backup-vault list # -", []),
        ('name = "back', []),
        ("backup-vault list | ", []),
    ],
)
def test_what_is_offered(text: str, expected: list[str] | None) -> None:
    assert offered(text) == (expected if expected is not None else offered("backup-vault list "))


def test_connect_has_targets_and_options() -> None:
    assert {"sandbox", "azure", "--endpoint", "--ca", "--token"} <= set(offered("connect "))
    assert "sandbox" not in offered("connect --ca x ")


def test_after_a_flag_and_after_several_words_options_follow() -> None:
    assert "--query" in offered("backup-vault list --debug ")
    assert "--debug" not in offered("backup-vault list --debug ")
    assert "--query" in offered("backup-vault show --ids a b ")
    assert offered("backup-vault show --ids ") == []


def test_a_boolean_may_do_without_its_word() -> None:
    found = offered("backup-vault create --no-wait ")
    assert found[:2] == ["true", "false"] and "--query" in found
    assert "true" not in offered("backup-vault create --no-wait true ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("backup-vault list -g $va", ["$vault", "$vaults"]),
        ("backup-vault list -g ${gr", ["${group}"]),
        ('backup-vault list -g "x-$gr', ["$group"]),
        ("backup-vault list -g $", ["$group", "$vault", "$vaults"]),
        ("backup-vault list -g $_", []),
        ("backup-vault list -g ${vault.", []),
        ("backup-vault list --output=$va", ["$vault", "$vaults"]),
    ],
)
def test_names(text: str, expected: list[str]) -> None:
    assert offered(text) == expected
    assert all(one.startswith(text.rpartition("$")[0]) for one in completed(text))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "policy.json").touch()
    (tmp_path / "my policy.json").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "deep.json").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("backup-vault list > ", ["'my policy.json'", "policy.json", "sub/"]),
        ("backup-vault list > po", ["policy.json"]),
        ("backup-vault list > sub/", ["sub/deep.json"]),
        ("backup-vault list > .", [".hidden"]),
        ("backup-vault list > no/where/", []),
        ("backup-vault list > ~nobody-of-this-name/x", []),
        ("backup-vault list > 'my", ["my policy.json"]),
        ("backup-vault list > my\\ p", ["'my policy.json'"]),
        ("backup-policy create --policy p", ["policy.json"]),
        ("backup-policy create --policy @p", ["@policy.json"]),
        ("backup-policy create --policy=@p", ["@policy.json"]),
        ("backup-vault list --query @p", ["@policy.json"]),
        ("connect --ca p", ["policy.json"]),
        ("connect sandbox --state s", ["sub/"]),
    ],
)
def test_files(folder: Path, text: str, expected: list[str]) -> None:
    assert offered(text) == expected


def test_home_is_listed_and_stays_a_tilde(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert offered("backup-vault list > ~/po") == ["~/policy.json"]


def pieces() -> Iterator[str]:
    yield from (
        "az",
        "dataprotection",
        " ",
        "\n",
        "\\\n",
        "=",
        "'",
        '"',
        "$",
        "${",
        "}",
        ">",
        "@",
        "<<",
        "#",
        ";",
        "/",
        "-",
    )
    yield from (
        "backup-vault",
        "list",
        "create",
        "connect",
        "sleep",
        "-g",
        "--output",
        "--no-wait",
        "--storage-settings",
    )
    yield from ("vault", "TestBkpVault", "\x00", "~", "~x", "é", "日", "|")


@given(st.one_of(st.text(), st.lists(st.sampled_from(list(pieces()))).map("".join)))
@example("> \x00")
@example("> " + "x/" * 5000)
def test_any_text_has_an_answer(text: str) -> None:
    fragment, _ = candidates(text, NAMES)
    assert text.endswith(fragment)


@st.composite
def command_lines(draw: st.DrawFn) -> str:
    """A command with some of its options, broken off somewhere."""
    command = draw(st.sampled_from(list(EVERY.values())))
    words = [command.name]
    for option in draw(st.lists(st.sampled_from(command.all_options), max_size=4)):
        words += [draw(st.sampled_from(option.names)), draw(value(option))]
    text = " ".join(word for word in words if word)
    return text[: draw(st.integers(0, len(text)))]


def value(option: Option) -> st.SearchStrategy[str]:
    if option.choices:
        return st.sampled_from([quote(choice) for choice in option.choices])
    return st.just("" if option.kind == "flag" else "value")


@given(command_lines())
def test_a_candidate_once_chosen_is_still_one(line: str) -> None:
    fragment, found = candidates(line, NAMES)
    assert line.endswith(fragment)
    for one in found:
        if one.type in ("group", "command", "option"):
            assert one.text.startswith(fragment)
            again, still = candidates(line.removesuffix(fragment) + one.text, NAMES)
            assert again == one.text and one.text in [other.text for other in still]


@given(command_lines())
def test_no_option_is_offered_twice(line: str) -> None:
    options = [one.text for one in candidates(line, NAMES)[1] if one.type == "option"]
    assert len(set(options)) == len(options)
    assert not {option for option in options if option.startswith("--")} & set(line.split()[:-1])


def test_outputs_are_those_of_the_table() -> None:
    assert offered("backup-vault list -o ") == list(OUTPUTS)

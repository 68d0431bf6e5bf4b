"""Help: everything the table knows of a group or command, as text and as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import get_args

import pytest

from dpmagic import language
from dpmagic.commands.help import TAKES, Help, folded
from dpmagic.commands.model import Command, Kind
from dpmagic.commands.table import GROUPS, commands
from dpmagic.execute import execute
from dpmagic.session import Session
from dpmagic.session_commands import COMMANDS as SESSION_COMMANDS

ALL = [*commands().values(), *SESSION_COMMANDS]
EACH = pytest.mark.parametrize("command", ALL, ids=lambda command: command.name)


def help_of(words: str) -> Help:
    [result] = execute(f"{words} --help", Session())
    assert isinstance(result.value, Help)
    return result.value


class Reader(HTMLParser):
    """The text of HTML, with tags that close in the order in which they open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.text += "\n" if tag in ("p", "td", "th", "pre") else ""

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> str:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader.text


def flat(text: str) -> str:
    """The words, however the lines were broken."""
    return " ".join(text.replace("\\\n", " ").replace("`", "").split())


@EACH
def test_a_command_is_told_in_full(command: Command) -> None:
    shown = help_of(command.name)
    for text in (flat(repr(shown)), flat(read(shown._repr_html_()))):
        assert text.startswith(f"{command.name}: {flat(command.help)}")
        assert flat(command.details) in text
        assert command.permission in text if command.permission else "no permission" in text
        for example in command.examples:
            assert flat(example) in text
        for option in command.all_options:
            assert all(f"{name} " in text for name in option.names)
            assert flat(option.help) in text
            assert ", ".join(option.choices) in text


@EACH
def test_a_command_explains_itself(command: Command) -> None:
    assert command.examples
    assert command.help.endswith(".")
    assert all(option.help.endswith(".") for option in command.all_options)


def test_required_options_choices_and_defaults_are_said() -> None:
    text = flat(repr(help_of("backup-vault create")))
    required, optional = text.split(" Required ")[1].split(" Optional ")
    assert "--storage-setting --storage-settings KEY=VALUE .. Redundancy" in required
    assert "--soft-delete-state TEXT" in optional
    assert "One of: AlwaysOn, Off, On. Default: On." in optional
    assert "For how many days they are kept. Default: 14." in optional
    assert "--tags KEY=VALUE .. Tags" in optional


def test_every_kind_says_what_it_takes() -> None:
    assert set(TAKES) == set(get_args(Kind))


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_lists_what_is_right_below_it(name: str) -> None:
    shown = help_of(name or "az dataprotection")
    for text in (repr(shown), read(shown._repr_html_())):
        assert GROUPS[name] in text
        assert f"{name} NAME --help".strip() in text
    listed = re.findall(r"^  (\S+)", repr(shown), flags=re.MULTILINE)
    start = f"{name} " if name else ""
    below = {full[len(start) :].split()[0] for full in commands() if full.startswith(start)}
    assert below <= set(listed)


def test_the_top_lists_our_own_commands_too() -> None:
    text = repr(help_of("az dataprotection"))
    own = text.partition("dpmagic's own\n")[2]
    assert all(re.search(rf"^  {command.name}  ", own, flags=re.MULTILINE) for command in SESSION_COMMANDS)


def test_connect_leads_to_its_targets() -> None:
    text = repr(help_of("connect"))
    assert "connect sandbox " in text
    assert "connect azure " in text


def test_a_notebook_gets_html_and_a_terminal_text() -> None:
    shown = help_of("job list")
    bundle = shown._repr_mimebundle_()
    assert bundle == {"text/plain": repr(shown), "text/html": shown._repr_html_()}


@EACH
def test_lines_fit_a_terminal(command: Command) -> None:
    """But for an example with a word that is longer."""
    for line in repr(help_of(command.name)).splitlines():
        assert len(line) <= 100 or max(map(len, line.split())) > 60


@EACH
def test_an_example_over_several_lines_is_the_same_example(command: Command) -> None:
    for example in command.examples:
        assert words_and_file(folded(example)) == words_and_file(example)


def words_and_file(text: str) -> tuple[list[str], str]:
    [statement] = language.parse(text)
    assert isinstance(statement, language.Statement)
    return [str(word) for word in statement.words], str(statement.file)

"""All of az's surface, beside az's own table of it: commands, arguments, spellings, choices, defaults, shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dpmagic import language
from dpmagic.commands.help import Help
from dpmagic.commands.model import GLOBALS, OUTPUTS, Command, Option
from dpmagic.commands.parse import parse
from dpmagic.commands.table import GROUPS, commands
from dpmagic.execute import one
from dpmagic.session import Session
from tests.canned import NO_REFERENCE, recorded
from tests.commands.surface import option_differences
from tests.examples import line_of, options_of, with_words, write_files

SURFACE: dict[str, Any] = recorded("az-surface.json") or {"commands": []}
needs_reference = pytest.mark.skipif(not SURFACE["commands"], reason=NO_REFERENCE)
_TRUE, _FALSE = ("true", "t", "yes", "y", "1", "TRUE"), ("false", "f", "no", "n", "0", "No")

# What az's argument takes, by its kind (those of its generated commands), words and action, and our kinds for it.
KINDS = {
    ("Str", None, None): {"text", "id", "time"},
    ("ResourceGroupName", None, None): {"text"},
    ("ResourceLocation", None, None): {"text"},
    ("PaginationToken", None, None): {"text"},
    ("PaginationLimit", None, None): {"integer"},
    ("Float", None, None): {"number"},
    ("Bool", "?", None): {"boolean"},
    ("List", "+", None): {"texts", "settings"},
    ("Dict", "+", None): {"pairs", "texts"},
    ("FreeFormDict", "+", None): {"object"},
    ("Object", "+", None): {"object"},
    ("GenericUpdateAdd", "+", None): {"texts"},
    ("GenericUpdateRemove", "+", None): {"texts"},
    ("GenericUpdateSet", "+", None): {"texts"},
    ("GenericUpdateForceString", "?", None): {"boolean"},
    (None, None, None): {"text", "id", "time", "integer", "object", "json"},
    (None, "+", None): {"texts", "ids", "jsons"},
    (None, "*", None): {"pairs"},
    (None, "?", None): {"boolean"},
    (None, None, "store_true"): {"flag", "boolean"},
}


@needs_reference
def test_every_command_and_argument_is_here() -> None:
    assert [command["name"] for command in SURFACE["commands"]] == list(commands())
    assert len(commands()) == 63
    assert sum(len(command["arguments"]) for command in SURFACE["commands"]) == 371
    groups = {name.removeprefix("dataprotection ") for name in SURFACE["groups"]}
    # az's help knows this one by its only command.
    assert groups | {"", "restorable-time-range"} == set(GROUPS)


@needs_reference
def test_spellings_choices_defaults_and_marks_are_those_of_az() -> None:
    # az's own create has no -v, which is a row of its defects.
    more = ["backup-policy create: ['--vault-name']", "backup-policy create: ['--vault-name', '-v']"]
    assert sorted(option_differences(commands().values())) == sorted(more)


@needs_reference
def test_every_argument_takes_what_az_takes() -> None:
    seen = 0
    for theirs in SURFACE["commands"]:
        ours = commands()[theirs["name"]].by_name
        for argument in theirs["arguments"].values():
            shape = argument.get("kind"), argument.get("nargs"), argument.get("action")
            for name in argument["options"]:
                assert ours[name].kind in KINDS[shape], (theirs["name"], name)
            seen += 1
    assert seen == 371


@needs_reference
def test_the_global_arguments_are_those_of_az() -> None:
    ours = {frozenset(option.names) for option in GLOBALS}
    assert ours - {frozenset(names) for names in SURFACE["globalArguments"]} == {frozenset(["--dry-run"])}
    assert len(ours) == len(SURFACE["globalArguments"]) + 1
    assert set(OUTPUTS) - set(SURFACE["outputFormats"]) == {"frame", "raw"}
    assert set(SURFACE["outputFormats"]) <= set(OUTPUTS)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)


def _options(*kinds: str) -> list[Any]:
    return [
        pytest.param(command, option, id=f"{command.name} {option.shown}")
        for command in commands().values()
        for option in command.all_options
        if option.kind in kinds
    ]


def given(command: Command, option: Option, *words: str) -> Any:
    """What the command is given for an option of which ``words`` are what was typed."""
    line = line_of(command, with_words(options_of(command, command.examples[0]), option, list(words)))
    return parse(command, line[len(command.name.split()) :])[option.key]


def file(value: Any) -> str:
    Path("given.json").write_text(json.dumps(value) + "\n")
    return "given.json"


@pytest.mark.parametrize(("command", "option"), _options("texts"))
def test_a_list_in_every_form(command: Command, option: Option) -> None:
    one, two = option.choices[:2] or ("a", "b")
    in_file = f"@{file([one, two])}"
    for words in ((one, two), (f"[{one},{two}]",), (json.dumps([one, two]),), (f"['{one}',{two}]",), (in_file,)):
        assert given(command, option, *words) == [one, two]
    assert given(command, option, one, option.shown, two) == [one, two]
    assert given(command, option, f"[{one}]", two) == [one, two]


@pytest.mark.parametrize(("command", "option"), _options("object", "pairs"))
def test_an_object_in_every_form(command: Command, option: Option) -> None:
    value = {"a": "b", "c": "d"}
    name = file(value)
    for words in (("a=b", "c=d"), ("{a:b,c:d}",), (json.dumps(value),), (name,), (f"@{name}",)):
        assert given(command, option, *words) == value


@pytest.mark.parametrize(("command", "option"), _options("settings", "jsons"))
def test_a_list_of_objects_in_every_form(command: Command, option: Option) -> None:
    value = [{"a": "b", "c": "d"}, {"a": "e"}]
    name = file(value)
    forms = (("[{a:b,c:d},{a:e}]",), ("{a:b,c:d}", "{a:e}"), (json.dumps(value),), (name,), (f"@{name}",))
    for words in forms:
        assert given(command, option, *words) == value
    assert given(command, option, "{a:b,c:d}", option.shown, "{a:e}") == value
    if option.kind == "settings":
        assert given(command, option, "a=b", "c=d", "a=e") == value
        assert given(command, option, "a=b", "c=d", option.shown, "a=e") == value


@pytest.mark.parametrize(("command", "option"), _options("json"))
def test_an_object_or_a_list_in_every_form(command: Command, option: Option) -> None:
    for value, short in (([{"a": "b"}], "[{a:b}]"), ({"a": "b"}, "{a:b}")):
        name = file(value)
        for word in (short, json.dumps(value), name, f"@{name}"):
            assert given(command, option, word) == value


@pytest.mark.parametrize(("command", "option"), _options("boolean"))
def test_truth_in_every_form(command: Command, option: Option) -> None:
    assert given(command, option) is True
    assert {given(command, option, word) for word in _TRUE} == {True}
    assert {given(command, option, word) for word in _FALSE} == {False}


@pytest.mark.parametrize(("command", "option"), _options("text", "id", "time", "integer", "number"))
def test_a_value_may_come_from_a_file_or_after_an_equals_sign(command: Command, option: Option) -> None:
    right = {"id": "/subscriptions/s/resourceGroups/g", "time": "2024-01-31", "integer": "12", "number": "12"}
    word = option.choices[0] if option.choices else right.get(option.kind, "a b")
    Path("value.txt").write_text(f"{word}\n")
    value = given(command, option, word)
    assert given(command, option, "@value.txt") == value
    joined = [*line_of(command, options_of(command, command.examples[0])), f"{option.shown}={word}"]
    assert parse(command, joined[len(command.name.split()) :])[option.key] == value


@pytest.mark.parametrize("command", commands().values(), ids=commands())
def test_two_question_marks_after_an_option_are_answered(command: Command) -> None:
    for option in command.options:
        if option.kind != "flag":
            assert isinstance(one([*command.name.split(), option.shown, "??"], Session()).value, Help)


@pytest.mark.parametrize(("command", "option"), _options("object", "pairs", "json"))
def test_a_variable_holds_what_json_would(command: Command, option: Option) -> None:
    value = {"name": "it's"} | ({} if option.kind == "pairs" else {"of": [{"deep": [1, None, True]}]})
    [word] = language.expand(language.parse("backup-vault list $value")[0].words[2:], {"value": value})  # type: ignore[union-attr]
    assert given(command, option, word) == value

"""Slips, for every command, from the table: one line and a hint each, and nothing is sent.

A missing option, one that is not there, a bad choice, an id that is none, a file that is not there, JSON of the wrong
shape.  Each case is a command's example with one thing wrong.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dpmagic import errors
from dpmagic.commands.model import Command, Option
from dpmagic.commands.table import commands
from dpmagic.errors import DpmagicError, InvalidArgument, InvalidChoice, MissingOption, UnknownOption
from dpmagic.execute import execute, one
from dpmagic.language.values import to_text
from dpmagic.session import Session
from tests.canned import canned_connection
from tests.examples import Words, line_of, options_of, with_words, write_files

COMMANDS = list(commands().values())
EACH = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
_PROVIDERS = "/subscriptions/s/resourceGroups/g/providers"
_ACCOUNT = f"{_PROVIDERS}/Microsoft.Storage/storageAccounts/sa1"
_POLICY = f"{_PROVIDERS}/Microsoft.DataProtection/backupVaults/v/backupPolicies/p"
_CLUSTER = f"{_PROVIDERS}/Microsoft.ContainerService/managedClusters/aks1"
_RESTORE = "backup-instance restore initialize-for"
_TO_CLUSTER = (
    "--datasource-type AzureKubernetesService --source-datastore OperationalStore --restore-location westus "
    f"--recovery-point-id p --target-resource-id {_CLUSTER}"
)
# Where an option goes with another datasource type than that of the command's examples.
_OTHERS = {
    ("backup-instance initialize", "--backup-configuration"): (
        f"--datasource-type AzureBlob -l westus --datasource-id {_ACCOUNT} --policy-id {_POLICY}"
    ),
    ("backup-instance initialize-backupconfig", "--backup-hook-references"): "--datasource-type AzureKubernetesService",
    (f"{_RESTORE}-data-recovery", "--restore-configuration"): _TO_CLUSTER,
    (f"{_RESTORE}-item-recovery", "--restore-configuration"): _TO_CLUSTER,
    (f"{_RESTORE}-item-recovery", "--vaulted-blob-prefix-pattern"): (
        "--datasource-type AzureBlob --source-datastore VaultStore --restore-location westus --recovery-point-id p "
        f"--target-resource-id {_ACCOUNT}"
    ),
    ("backup-instance update-msi-permissions", "--restore-request-object"): (
        "-g g -v v --datasource-type AzureKubernetesService --operation Restore --permissions-scope Resource --yes"
    ),
}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)


def slip(words: list[str], kind: type[DpmagicError], code: int | None = None) -> DpmagicError:
    """The error of a command line: of this kind, one line and a hint of one line, before anything was sent."""
    connection, sent = canned_connection([])
    with pytest.raises(kind) as caught:
        one(words, Session(connection))
    error = caught.value
    assert sent == []
    assert error.message and error.hint
    assert "\n" not in error.message + error.hint
    assert error.exit_code == (code or (2 if isinstance(error, errors.CommandLineError) else 1))
    return error


def good(command: Command, option: Option | None = None) -> Words:
    """An example of the command, if possible one with the option."""
    for example in command.examples:
        found = options_of(command, example)
        if option in [one for one, _ in found]:
            return found
    other = _OTHERS.get((command.name, option.shown)) if option else None
    return options_of(command, f"{command.name} {other}" if other else command.examples[0])


def with_wrong(command: Command, option: Option, *words: str) -> list[str]:
    return line_of(command, with_words(good(command, option), option, list(words)))


def cases(*kinds: str, but: str = "") -> list[Any]:
    """Each command with each of its options of these kinds."""
    return [
        pytest.param(command, option, id=f"{command.name} {option.shown}")
        for command in COMMANDS
        for option in command.options
        if option.kind in kinds and option.shown != but
    ]


@EACH
def test_a_required_option_that_is_missing_is_named(command: Command) -> None:
    for option in command.options:
        if option.required:
            code = 1 if command.ids and option.id_part else 2  # az's
            error = slip(line_of(command, with_words(good(command), option, None)), MissingOption, code)
            assert all(name in error.message for name in option.names)
            assert f"`{command.name} --help`" in error.hint
            assert ("--ids" in error.hint) == bool(command.ids and option.id_part)


def typos(name: str) -> set[str]:
    """The spelling with one letter left out, doubled, or in the place of the one before it."""
    at = len(name) // 2
    return {
        name[:at] + name[at + 1 :],
        name[:at] + name[at] + name[at:],
        name[:at] + name[at + 1] + name[at] + name[at + 2 :],
    }


@EACH
def test_an_unknown_option_leads_to_the_nearest(command: Command) -> None:
    for name in command.by_name:
        for typo in typos(name) - {*command.by_name} if name.startswith("--") and len(name) > 5 else ():
            error = slip([*line_of(command, good(command)), typo, "x"], UnknownOption)
            assert typo in error.message
            assert error.hint == f"did you mean {name}?"
    error = slip([*line_of(command, good(command)), "--zzzzzz", "x"], UnknownOption)
    assert f"`{command.name} --help`" in error.hint


@EACH
def test_a_bad_choice_is_told_the_right_ones(command: Command) -> None:
    for option in command.all_options:
        if not option.choices:
            continue
        error = slip(with_wrong(command, option, "zzzzzz"), InvalidChoice)
        assert option.shown in error.message
        assert all(choice in error.hint for choice in option.choices)
        near = f"{option.choices[0][:-1]}x"
        assert "did you mean" in slip(with_wrong(command, option, near), InvalidChoice).hint


@EACH
def test_a_value_of_the_wrong_kind_names_its_option(command: Command) -> None:
    for option in command.all_options:
        if option.kind in ("boolean", "integer", "number", "time"):
            error = slip(with_wrong(command, option, "soon"), DpmagicError)
            assert option.shown in error.message
            assert "'soon'" in error.message


@pytest.mark.parametrize(
    "text", ["disk1", "/subscriptions/s", "/subscriptions/x/y/z", "/subscriptions/s/resourceGroups/g/providers/P/t"]
)
@pytest.mark.parametrize(("command", "option"), cases("id", "ids"))
def test_an_id_that_is_none_is_refused(command: Command, option: Option, text: str) -> None:
    error = slip(with_wrong(command, option, text), InvalidArgument)
    assert option.shown in error.message
    assert repr(text) in error.message
    assert "/subscriptions/SUB/resourceGroups/GROUP" in error.hint


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.ids], ids=lambda command: command.name)
def test_ids_that_are_none_or_of_something_else_are_refused(command: Command) -> None:
    rest = [one for one in good(command) if not one[0].id_part]
    for text in ("disk1", f"{_PROVIDERS}/Microsoft.Compute/disks/d"):
        error = slip([*line_of(command, rest), "--ids", text], InvalidArgument)
        assert "--ids" in error.message
        assert repr(text) in error.message


@pytest.mark.parametrize(("name", "option", "type_"), [
    ("backup-instance initialize", "--policy-id", "backup policy"),
    ("backup-instance initialize", "--datasource-id", "Microsoft.Compute/disks"),
    ("backup-instance update-policy", "--policy-id", "backup policy"),
    ("backup-instance restore initialize-for-data-recovery", "--target-resource-id", "Microsoft.Compute/disks"),
    ("backup-instance restore initialize-for-item-recovery", "--backup-instance-id", "backup instance"),
    ("backup-vault resource-guard-mapping create", "--resource-guard-id", "resource guard"),
])  # fmt: skip
def test_an_id_of_something_else_is_refused(name: str, option: str, type_: str) -> None:
    command = commands()[name]
    snapshot = f"{_PROVIDERS}/Microsoft.Compute/snapshots/s1"
    assert type_ in slip(with_wrong(command, command.by_name[option], snapshot), InvalidArgument).message


@pytest.mark.parametrize(("command", "option"), cases("json", "object", "jsons", "settings", "pairs"))
def test_a_file_that_is_not_there_leads_to_the_nearest(command: Command, option: Option) -> None:
    for given in ("polcy.json", "@polcy.json"):
        error = slip(with_wrong(command, option, given), InvalidArgument)
        assert option.shown in error.message
        assert "'polcy.json' is not there" in error.message
        assert error.hint == "did you mean policy.json?"
    for far in ("nowhere/x.json", "zz.json"):
        assert "@file" in slip(with_wrong(command, option, far), InvalidArgument).hint


@pytest.mark.parametrize(("command", "option"), cases("json", "object", "jsons", "settings", "pairs"))
def test_json_that_is_none_is_refused(command: Command, option: Option) -> None:
    Path("broken.json").write_text('{\n  "a": [,]\n}')
    assert "broken.json, line 2, column 9" in slip(with_wrong(command, option, "broken.json"), InvalidArgument).message
    for text in ('{"a": ', "{a:[b}", "[{"):
        assert option.shown in slip(with_wrong(command, option, text), InvalidArgument).message


@pytest.mark.parametrize(("command", "option"), cases("object", "jsons", "settings", "pairs"))
def test_json_of_another_shape_is_refused(command: Command, option: Option) -> None:
    for text in (
        "[7]",
        '["text"]',
        "[[]]",
        "[null]",
        *(["[]", "[{}]"] if option.kind in ("object", "pairs") else ["[]"]),
    ):
        assert option.shown in slip(with_wrong(command, option, text), InvalidArgument).message, text
    for file, text in (("number.json", "7"), ("text.json", '"text"'), ("null.json", "null")):
        Path(file).write_text(text)
        assert option.shown in slip(with_wrong(command, option, file), InvalidArgument).message, text


@pytest.mark.parametrize(("command", "option"), cases("json"))
def test_json_that_is_no_reference_is_refused(command: Command, option: Option) -> None:
    for text in ("[7]", "{a:b}", "[{name:n}]", "{name:7,namespace:{}}"):
        assert option.shown in slip(with_wrong(command, option, text), InvalidArgument).message, text


@pytest.mark.parametrize(("command", "option"), cases("object", "jsons", "settings", but="--namespace-mappings"))
def test_an_object_that_lacks_what_is_needed_is_refused(command: Command, option: Option) -> None:
    for text in ("{}", '{"name": "x"}', '{"properties": {}}'):
        assert option.shown in slip(with_wrong(command, option, text), InvalidArgument).message, text


@pytest.mark.parametrize(("command", "option"), cases("json", "object", "jsons", "settings"))
def test_rows_of_a_frame_are_told_how_to_be_json(command: Command, option: Option) -> None:
    session = Session()
    [_] = execute(f"frame << {commands()['backup-instance initialize'].examples[0].partition(' >')[0]}", session)
    rows = to_text(session.names["frame"])
    assert "-o json" in slip(with_wrong(command, option, rows), InvalidArgument).hint


WRONG: list[Any] = [None, "text", 7, True, [], {}, [7], {"a": 7}]


def mutants(value: Any, deep: int = 5) -> Iterator[Any]:
    """The same JSON with one thing in it of another kind, or gone."""
    for wrong in WRONG:
        if type(wrong) is not type(value) or not wrong:
            yield wrong
    if deep and isinstance(value, dict):
        for key in value:
            yield {name: below for name, below in value.items() if name != key}
            yield from ({**value, key: below} for below in mutants(value[key], deep - 1))
    elif deep and isinstance(value, list):
        for index in range(len(value)):
            yield from ([*value[:index], below, *value[index + 1 :]] for below in mutants(value[index], deep - 1))


# What is right where no example has the option.
_REFERENCE = {"name": "n", "namespace": "ns"}
RIGHT: dict[str, Any] = {
    "--backup-configuration": {"objectType": "BlobBackupDatasourceParameters", "containersList": ["logs"]},
    "--restore-configuration": {"objectType": "KubernetesClusterRestoreCriteria", "includedNamespaces": ["shop"]},
    "--vaulted-blob-prefix-pattern": {"containers": [{"name": "logs", "prefixmatch": ["2024"]}]},
    "--namespace-mappings": {"shop": "shop-test"},
    "--resource-modifier-reference": _REFERENCE,
    "--backup-hook-references": [_REFERENCE],
    "--restore-hook-references": [_REFERENCE],
    "--restore-request-object": {
        "objectType": "AzureBackupRecoveryPointBasedRestoreRequest",
        "restoreTargetInfo": {
            "objectType": "ItemLevelRestoreTargetInfo",
            "datasourceInfo": {"datasourceType": "Microsoft.ContainerService/managedClusters", "resourceId": _CLUSTER},
        },
    },
}


class Reached(Exception):
    """A request was about to be sent."""


@pytest.mark.parametrize(("command", "option"), cases("json", "object", "jsons"))
def test_whatever_is_wrong_with_json_it_is_no_failure_of_ours(
    command: Command, option: Option, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thing after another is made wrong in JSON that is right: it is refused, or good enough to be sent."""

    def connect() -> Any:
        raise Reached

    base = good(command, option)
    given = {one.shown: words for one, words in base}.get(option.shown, ["no file"])
    right = json.loads(Path(given[0]).read_text()) if Path(given[0]).is_file() else RIGHT[option.shown]
    session = Session()
    monkeypatch.setattr(session, "connected", connect)
    monkeypatch.setattr(session, "subscription", lambda given=None: "s")
    run(command, with_words(base, option, [json.dumps(right)]), session)
    for wrong in mutants(right):
        try:
            run(command, with_words(base, option, [json.dumps(wrong)]), session)
        except DpmagicError as error:
            assert "\n" not in error.message, wrong


def run(command: Command, options: Words, session: Session) -> None:
    with contextlib.suppress(Reached):
        one(line_of(command, options), session)

"""Statements carried out: stored, expanded, written, previewed, silenced; and where a cell stops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas
import pytest

from dpmagic.commands.help import Help
from dpmagic.connection import connect_azure, connect_sandbox
from dpmagic.errors import (
    DpmagicError,
    InvalidArgument,
    InvalidChoice,
    LanguageError,
    MissingOption,
    NotFound,
    UnknownCommand,
    UnknownOption,
)
from dpmagic.execute import Result, execute
from dpmagic.handles import Handle
from dpmagic.results import Preview, Text
from dpmagic.session import Session
from tests.canned import Heard

VAULT = "-g testBkpVaultRG --vault-name TestBkpVault"
CREATE = (
    f"backup-vault create {VAULT} -l westus --type SystemAssigned "
    "--storage-settings datastore-type=VaultStore type=LocallyRedundant"
)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.chdir(tmp_path)
    return Session(connection=connect_sandbox())


def run(text: str, session: Session, **names: Any) -> list[Result]:
    return list(execute(text, session, names))


def test_a_command_gives_a_frame_that_remembers_where_it_is_from(session: Session) -> None:
    (result,) = run(CREATE, session)
    assert type(result.value) is pandas.DataFrame
    assert result.value.loc[0, "name"] == "TestBkpVault"
    assert result.value.loc[0, "resourceGroup"] == "testBkpVaultRG"
    assert result.value.attrs["dpmagic"] == {
        "command": "backup-vault create",
        "target": "sandbox",
        "at": session.connected().now().isoformat(),
    }


def test_a_result_is_stored_and_its_fields_expand(session: Session) -> None:
    run(f"vault << {CREATE}", session)
    (shown,) = run("backup-vault show -g ${vault.resourceGroup} -v ${vault.name} --query name -o tsv", session)
    assert shown.value == "TestBkpVault"


def test_given_names_come_before_stored_ones_and_stay_out_of_them(session: Session) -> None:
    session.names["group"] = "nothere"
    run(CREATE, session)
    (listed,) = run("backup-vault list -g $group", session, group="testBkpVaultRG")
    assert len(listed.value) == 1
    assert session.names == {"group": "nothere"}


def test_json_is_a_text_that_json_reads(session: Session) -> None:
    run(CREATE, session)
    (shown,) = run(f"backup-vault show {VAULT} -o json", session)
    assert isinstance(shown.value, Text)
    assert json.loads(shown.value)["resourceGroup"] == "testBkpVaultRG"
    assert list(json.loads(shown.value)) == sorted(json.loads(shown.value))
    (raw,) = run(f"backup-vault show {VAULT} -o raw", session)
    assert "resourceGroup" not in json.loads(raw.value)


def test_a_query_is_applied_to_azs_json(session: Session) -> None:
    run(CREATE, session)
    (found,) = run('backup-vault list --query "[].{vault: name, group: resourceGroup}"', session)
    assert found.value.to_dict("records") == [{"vault": "TestBkpVault", "group": "testBkpVaultRG"}]


def test_a_file_holds_the_json_and_a_line_says_so(session: Session) -> None:
    run(CREATE, session)
    session.names["file"] = "vault.json"
    (written,) = run(f"backup-vault show {VAULT} > $file", session)
    assert written.value is None
    assert written.line.startswith("wrote vault.json")
    assert json.loads(Path("vault.json").read_text())["name"] == "TestBkpVault"


@pytest.mark.parametrize("name", ["vaults.csv", "vaults.parquet", "vaults.xlsx", "vaults.yaml"])
def test_the_suffix_names_the_form(session: Session, name: str) -> None:
    run(f"{CREATE}\nbackup-vault list > {name}", session)
    assert Path(name).stat().st_size > 100


def test_more_than_one_file_is_refused(session: Session) -> None:
    with pytest.raises(LanguageError, match="> needs one file, not 2"):
        run("backup-vault list > $files", session, files=["a.json", "b.json"])


def test_a_dry_run_of_a_change_previews_and_writes_nothing(session: Session) -> None:
    (result,) = run(f"{CREATE} --dry-run > vault.json", session)
    (change,) = result.value.to_json()
    assert isinstance(result.value, Preview)
    assert (change["method"], change["body"]["location"], change["later"]) == ("PUT", "westus", False)
    assert not Path("vault.json").exists()
    assert "nothing was written" in result.line
    with pytest.raises(NotFound):
        run(f"backup-vault show {VAULT}", session)


def test_a_dry_run_of_a_read_just_reads(session: Session) -> None:
    run(CREATE, session)
    (listed,) = run("backup-vault list --dry-run", session)
    assert len(listed.value) == 1


def test_no_wait_gives_a_handle(session: Session) -> None:
    (result,) = run(f"{CREATE} --no-wait", session)
    assert isinstance(result.value, Handle)
    assert result.value.wait().loc[0, "name"] == "TestBkpVault"


def test_ids_stand_for_the_options_that_name_the_resource(session: Session) -> None:
    run(CREATE + "\n" + CREATE.replace("TestBkpVault ", "Other "), session)
    (ids,) = run("backup-vault list --query [].id", session)
    (both,) = run("backup-vault show --ids $ids", session, ids=list(ids.value["value"]))
    assert sorted(both.value["name"]) == ["Other", "TestBkpVault"]
    with pytest.raises(InvalidArgument, match="names no backupVaults"):
        run("backup-vault show --ids /subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d", session)


def test_an_error_among_several_ids_says_what_was_done(session: Session) -> None:
    run(CREATE, session)
    (ids,) = run("backup-vault list --query [].id", session)
    there = ids.value.loc[0, "value"]
    with pytest.raises(NotFound) as caught:
        run("backup-vault update --tags a=b --ids $ids", session, ids=[there, f"{there}2", f"{there}3"])
    assert "1 of 3 ids were done before /subscriptions/" in caught.value.hint
    assert caught.value.hint.endswith("/TestBkpVault2, none after it")


def test_a_subscription_goes_by_name(session: Session) -> None:
    (listed,) = run("backup-vault list --subscription Workloads", session)
    assert len(listed.value) == 0
    with pytest.raises(InvalidArgument) as caught:
        run("backup-vault list --subscription Wrokloads", session)
    assert caught.value.hint == "did you mean Workloads?"


def test_the_first_failure_stops_the_cell(session: Session) -> None:
    with pytest.raises(UnknownCommand):
        run(f"{CREATE}\nbackup-vualt list\nafter = 'x'", session)
    assert "after" not in session.names
    assert len(run("backup-vault list", session)[0].value) == 1


def test_a_command_without_a_result_says_what_was_done(session: Session) -> None:
    (deleted,) = run(f"{CREATE};\nbackup-vault delete {VAULT} -y", session)[1:]
    assert deleted.value is None
    assert "TestBkpVault" in deleted.line


def test_what_sends_nothing_needs_no_connection() -> None:
    session = Session()
    (template,) = run("backup-policy get-default-policy-template --datasource-type AzureDisk", session)
    assert template.value.loc[0, "name"] == "DiskPolicy1"
    assert session.connection is None


@pytest.mark.parametrize("text", ["", "--help", "az", "az dataprotection", "backup-vault", "backup-vault --help",
                                  "backup-vault create -h", "connect sandbox --help"])  # fmt: skip
def test_help_is_a_result(session: Session, text: str) -> None:
    results = run(text, session)
    assert all(isinstance(result.value, Help) for result in results)
    assert len(results) == bool(text)


@pytest.mark.parametrize(
    ("text", "kind", "message", "hint"),
    [
        ("backup-vualt list", UnknownCommand, "'backup-vualt'", "did you mean backup-vault?"),
        ("backup-vault lst", UnknownCommand, "backup-vault has no command 'lst'", "did you mean list?"),
        ("adhoc-backup", UnknownCommand, "'adhoc-backup'", "did you mean backup-instance adhoc-backup?"),
        ("backup-vault list --resorce-group x", UnknownOption, "--resorce-group", "did you mean --resource-group?"),
        ("backup-vault show", MissingOption, "--resource-group/-g, --vault-name/-v", "--help"),
        ("backup-vault show -g", MissingOption, "has no value", "VALUE"),
        ("backup-vault create -g g -v v --storage-settings a=b --soft-delete-state Of", InvalidChoice, "'Of'", "Off"),
        ("backup-vault list extra", DpmagicError, "'extra'", "quote a value"),
        ("backup-vault list --query '[?'", InvalidArgument, "--query", ""),
        ("connect sandbx", DpmagicError, "sandbx", "did you mean sandbox?"),
        ("connect --endpoint http://x", InvalidArgument, "not an https", "TLS"),
        ("connect", DpmagicError, "connect to what?", "connect sandbox"),
        ("sleep soon", InvalidArgument, "'soon'", "90s"),
        ("backup-vault --query x", MissingOption, "backup-vault needs a command before --query", "create, delete"),
        ("az -g x", MissingOption, "a command is needed before -g", "backup-vault"),
        ("backup-vault list -g ''", InvalidArgument, "--resource-group is empty", "leave"),
        ("backup-vault list --subscription ' '", InvalidArgument, "--subscription is empty", "leave"),
        ("backup-vault show -g g -v ''", InvalidArgument, "--vault-name is empty", "give"),
        ("backup-vault delete -g '' -v v --yes", InvalidArgument, "--resource-group is empty", "give"),
        ("backup-vault wait -g g -v '' --exists", InvalidArgument, "--vault-name is empty", "give"),
        ("backup-vault list > ''", DpmagicError, "the file after > has no name", "> name.json"),
        ("backup-vault list-from-resourcegraph --subscriptions ''", DpmagicError, "called ''", "Backup, "),
        ("vault list", UnknownCommand, "'vault'", "did you mean backup-vault?"),
        ("policies list", UnknownCommand, "'policies'", "did you mean backup-policy?"),
        ("az login", UnknownCommand, "not `az login`", "run `az login` in a terminal"),
        ("az account set -s Prod", UnknownCommand, "not `az account`", "connect azure --subscription NAME"),
        ("az backup vault list", UnknownCommand, "not `az backup`", "Recovery Services"),
        ("az group list", UnknownCommand, "not `az group`", "!az group"),
        ("az graph query -q resources", UnknownCommand, "graph", "%resourcegraph"),
        ("%dataprotection job list", UnknownCommand, "commands already", "leave %dataprotection out"),
        ("%%dataprotection\njob list", UnknownCommand, "on its first line", "make two cells of it"),
        ("%time job list", UnknownCommand, "%time", "cells of their own"),
        ("!ls", UnknownCommand, "!ls", "cells of their own"),
        ("$ az dataprotection job list", UnknownCommand, "prompt", "leave the $ out"),
        ("Get-AzDataProtectionBackupVault", UnknownCommand, "PowerShell", "backup-vault list"),
        ("export RG=rg", UnknownCommand, "the shell's export", "!export"),
        ("for v in vaults:\n  print(v)", UnknownCommand, "not Python", "cells of its own"),
        ("print(vaults)", UnknownCommand, "not Python", "cells of its own"),
    ],
)
def test_a_slip_gets_one_line_and_a_hint(
    session: Session, text: str, kind: type[DpmagicError], message: str, hint: str
) -> None:
    with pytest.raises(kind) as caught:
        run(text, session)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("text", "name"),
    [("?", ""), ("backup-vault?", "backup-vault"), ("backup-vault list?", "backup-vault list"),
     ("backup-vault list ??", "backup-vault list"), ("connect sandbox?", "connect sandbox")],
)  # fmt: skip
def test_a_question_mark_after_a_name_gives_help_in_any_line(session: Session, text: str, name: str) -> None:
    before, asked = run(f"context\n{text}", session)
    assert before.line and isinstance(asked.value, Help) and asked.value.subject.name == name


@pytest.mark.parametrize("between", ["\n", " \\\n  # a comment ends the command\n", " # and so does this \\\n"])
def test_options_that_a_line_begins_with_are_not_lost(session: Session, between: str) -> None:
    run(CREATE, session)
    with pytest.raises(LanguageError, match="`--dry-run` belongs to no command"):
        run(f"backup-vault delete {VAULT} --yes{between}  --dry-run", session)
    (count,) = run("backup-vault list --query length(@) -o tsv", session)
    assert count.value == "1"


@pytest.mark.parametrize(("query", "code"), [("'[.{'", 2), ("''", 2), ("'[].{a: lenght(b)}'", 1)])
def test_a_bad_query_is_seen_before_anything_is_sent(session: Session, query: str, code: int) -> None:
    with pytest.raises(InvalidArgument, match="--query") as caught:
        run(f"{CREATE} --query {query}", session)
    assert caught.value.exit_code == code and caught.value.hint
    (count,) = run("backup-vault list --query length(@) -o tsv", session)
    assert count.value == "0"


@pytest.mark.parametrize(("file", "fault"), [("nowhere/v.json", "there is no folder"), (".", "it is a folder")])
def test_a_file_that_cannot_be_is_seen_before_anything_is_sent(session: Session, file: str, fault: str) -> None:
    with pytest.raises(InvalidArgument, match=fault):
        run(f"{CREATE} > {file}", session)
    (count,) = run("backup-vault list --query length(@) -o tsv", session)
    assert count.value == "0"


def test_bad_json_names_file_line_and_column(session: Session) -> None:
    Path("policy.json").write_text('{\n  "objectType": "BackupPolicy",\n  "policyRules": [,]\n}\n')
    with pytest.raises(InvalidArgument, match=r"policy\.json, line 3, column 19"):
        run(f"backup-policy create {VAULT} -n p --policy policy.json", session)


def test_a_file_that_is_not_there_names_the_nearest(session: Session) -> None:
    Path("policy.json").write_text("{}")
    with pytest.raises(InvalidArgument) as caught:
        run(f"backup-policy create {VAULT} -n p --policy polciy.json", session)
    assert caught.value.hint == "did you mean policy.json?"


def test_sleep_lets_time_pass_on_the_connections_clock(session: Session) -> None:
    before = session.connected().now()
    (slept,) = run("sleep 90m", session)
    assert (session.connected().now() - before).total_seconds() == 5400
    assert slept.line.startswith("1 h 30 min later: 2026-03-02")


def test_the_sandbox_s_time_is_moved_and_what_is_wrong_is_told(session: Session) -> None:
    advanced, planted = run("sandbox advance 7d\nsandbox planted --kind missed", session)
    assert advanced.line.endswith("later: 2026-03-09 08:00:00 UTC")
    assert set(planted.value["kind"]) == {"missed"} and planted.value["due"].map(len).min() >= 1
    with pytest.raises(DpmagicError, match="nothing of the kind 'mised' is planted") as caught:
        run("sandbox planted --kind mised", session)
    assert "missed" in caught.value.hint


@pytest.mark.parametrize("line", ["sandbox advance 7d", "sandbox planted"])
def test_no_other_clock_is_moved(line: str) -> None:
    with pytest.raises(DpmagicError, match="azure is not a sandbox of this process"):
        run(line, Session(connect_azure()))


def test_context_says_where_one_stands(session: Session) -> None:
    run("connect sandbox --read-only --subscription Workloads", session)
    (told,) = run("context", session)
    assert told.line == (
        "sandbox as you@sandbox.invalid, subscription Workloads (22222222-2222-4222-8222-222222222222), read-only"
    )


def test_read_only_refuses_a_change_and_lets_it_be_previewed(session: Session) -> None:
    run("connect sandbox --read-only", session)
    with pytest.raises(DpmagicError, match="read-only"):
        run(CREATE, session)
    assert isinstance(run(f"{CREATE} --dry-run", session)[0].value, Preview)


def test_a_state_folder_keeps_the_sandbox(tmp_path: Path) -> None:
    first = Session()
    run(f"connect sandbox --state {tmp_path / 'kept'}\n{CREATE}", first)
    first.connected().transport.sandbox.close()
    second = Session()
    *_, listed = run(f"connect sandbox --state {tmp_path / 'kept'}\nbackup-vault list", second)
    assert list(listed.value["name"]) == ["TestBkpVault"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "bare-utf-16-le", "bare-utf-16-be", "utf-32"]
)
def test_a_file_is_read_as_powershell_writes_it(session: Session, tmp_path: Path, encoding: str) -> None:
    run(CREATE, session)
    (template,) = run("backup-policy get-default-policy-template --datasource-type AzureDisk -o json", session)
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    (tmp_path / "p.json").write_text(
        mark + template.value.replace("\n", "\r\n"), encoding=encoding.removeprefix("bare-")
    )
    (made,) = run("backup-policy create -g testBkpVaultRG -v TestBkpVault -n p --policy p.json", session)
    assert made.value.loc[0, "name"] == "p"


@pytest.mark.parametrize(
    ("words", "tags"),
    [
        ("'cost center=a b' owner=me", {"cost center": "a b", "owner": "me"}),
        ("hidden-link:/app/x=Resource", {"hidden-link:/app/x": "Resource"}),
        ("cost.center=5", {"cost.center": "5"}),
        ("\"'a b'=c\"", {"a b": "c"}),
        ("a[0]=c", {"a[0]": "c"}),
        ("a= b=x=y", {"a": "", "b": "x=y"}),
    ],
)
def test_a_tag_may_be_named_as_azure_lets_it(session: Session, words: str, tags: dict[str, str]) -> None:
    (preview,) = run(f"{CREATE} --tags {words} --dry-run", session)
    assert preview.value.to_json()[-1]["body"]["tags"] == tags


def test_a_file_in_an_older_encoding_is_told_how_to_be_saved(session: Session, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_bytes(b'{"caf\xe9": 1}')
    with pytest.raises(InvalidArgument, match="no text in UTF-8 or UTF-16, from byte 6") as caught:
        run("backup-policy create -g g -v v -n p --policy p.json", session)
    assert "Out-File -Encoding utf8" in caught.value.hint


@pytest.mark.parametrize("form", ["json", "tsv", "none", "table", "frame"])
def test_what_was_not_there_is_told_in_every_form(session: Session, form: str) -> None:
    """In a shell, where the line goes to standard error, as in a notebook."""
    session.output = form
    (told,) = run("backup-vault delete -g testBkpVaultRG -v Nope --yes", session)
    assert (told.value, told.line) == (None, "vault Nope was not there: nothing was deleted")
    session.output = "json"
    (quiet,) = run("backup-vault delete -g testBkpVaultRG -v Nope --yes --only-show-errors", session)
    assert (quiet.value, quiet.line) == (None, "")


def test_what_was_not_carried_out_is_told(session: Session) -> None:
    wrong = "backup-vault show -g testBkpVaultRG -v nope"
    for text, told in (
        (f"{wrong}\n{CREATE}", "the statement after line 1 was not carried out"),
        (f"# create\n{wrong}\nx = 'a'\n{CREATE}", "2 statements after line 2 were not carried out"),
        ("x = $nope\nbackup-vault list", "the statement after line 1 was not carried out"),
    ):
        with pytest.raises(DpmagicError) as caught:
            run(text, session)
        assert caught.value.hint.endswith(told)
    with pytest.raises(DpmagicError) as caught:
        run(f"backup-vault list\n{wrong}", session)
    assert "carried out" not in caught.value.hint


def test_an_id_that_is_given_twice_is_changed_once(session: Session) -> None:
    run(CREATE, session)
    (listed,) = run("backup-vault list", session)
    one = listed.value.loc[0, "id"]
    session.names["ids"] = [one, one.upper(), f"{one}/"]
    (preview,) = run("backup-vault update --ids $ids --tags a=b --dry-run", session)
    assert [step["method"] for step in preview.value.to_json()] == ["PUT"]
    assert len(run("backup-vault show --ids $ids", session)[0].value) == 3  # as az


def test_what_an_id_overrules_is_told_as_by_az(session: Session) -> None:
    run(CREATE, session)
    one = run("backup-vault list", session)[0].value.loc[0, "id"]
    heard = Heard()
    session.observer = heard
    run(f"backup-vault show --ids {one} -g TESTBKPVAULTRG -v TestBkpVault --subscription {one.split('/')[2]}", session)
    assert heard.said == []
    run(f"backup-vault show --ids {one} -g other --subscription Workloads", session)
    assert [line.partition(" is not used: the id says ")[0] for line in heard.said] == [
        "--resource-group other",
        "--subscription Workloads",
    ]


def test_what_cannot_be_undone_is_asked_of_who_is_there(session: Session) -> None:
    run(CREATE, session)
    lock = f"backup-vault update {VAULT} --immutability-state Locked --query properties.securitySettings -o json"
    asked: list[str] = []
    session.ask = lambda question: bool(asked.append(question))
    with pytest.raises(DpmagicError, match="nothing was changed"):
        run(lock, session)
    assert asked == ["Are you sure? This cannot be undone."]
    run(f"backup-vault update {VAULT} --immutability-state Unlocked", session)
    session.ask = None  # a script of az's, which asks nothing
    assert "Locked" in str(run(lock, session)[0].value)
    assert len(asked) == 1


def test_a_subscription_that_is_not_there_names_those_that_are(session: Session) -> None:
    with pytest.raises(DpmagicError, match="SubscriptionNotFound") as caught:
        run("backup-vault list --subscription 33333333-3333-4333-8333-333333333334", session)
    assert caught.value.hint.startswith("the subscriptions there are: ")


@pytest.mark.parametrize("suffix", ["xls", "XLSM"])
def test_a_workbook_of_another_kind_is_no_json(session: Session, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(InvalidArgument, match=r"a workbook is written as \.xlsx"):
        run(f"backup-vault list > {tmp_path}/a.{suffix}", session)


def test_a_tag_is_text_whatever_python_had(session: Session) -> None:
    tags = {"cost": 12, "share": 1.5, "on": True, "owner": "me", "empty": ""}
    (preview,) = list(execute(f"{CREATE} --tags $tags --dry-run", session, {"tags": tags}))
    sent = {"cost": "12", "share": "1.5", "on": "true", "owner": "me", "empty": ""}
    assert preview.value.to_json()[-1]["body"]["tags"] == sent
    for wrong, told in ((None, "owner is nothing"), (["a"], "owner is "), ({"a": 1}, "owner is ")):
        with pytest.raises(InvalidArgument, match=told):
            list(execute(f"{CREATE} --tags $tags --dry-run", session, {"tags": {"owner": wrong}}))


@pytest.mark.parametrize("word", ["''", "owner"])
def test_a_word_that_is_no_tag_is_not_taken_for_a_file(session: Session, word: str) -> None:
    with pytest.raises(InvalidArgument, match="--tags") as caught:
        run(f"{CREATE} --tags {word}", session)
    assert "key=value" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("backup-vault delete -g testBkpVaultRG -v TestBkpVualt --yes", "vault TestBkpVualt"),
        (f"backup-instance delete {VAULT} -n nope --yes", "backup instance nope"),
        (f"backup-policy delete {VAULT} -n nope --yes", "policy nope"),
        ("resource-guard delete -g testBkpVaultRG -n nope --yes", "resource guard nope"),
    ],
)
def test_what_was_not_there_is_not_called_deleted(session: Session, text: str, what: str) -> None:
    run(CREATE, session)
    (result,) = run(text, session)
    assert result.line == f"{what} was not there: nothing was deleted"


def test_a_handle_of_what_was_not_there_does_not_call_it_deleted(session: Session) -> None:
    run(CREATE, session)
    (result,) = run(f"backup-instance delete {VAULT} -n nope --yes --no-wait", session)
    assert result.value.finish().line == "backup instance nope was not there: nothing was deleted"


def test_what_was_there_is_called_deleted(session: Session) -> None:
    run(CREATE, session)
    vault = run("backup-vault list --query [0].id -o tsv", session)[0].value
    (result,) = run(f"backup-vault delete --ids {vault} {vault}x --yes", session)
    assert result.line == "deleted vault TestBkpVault\nvault TestBkpVaultx was not there: nothing was deleted"


@pytest.mark.parametrize(
    ("word", "fault"), [("''", "--policy is empty"), ("@", "--policy is empty"), (".", "'.' is a folder")]
)
def test_what_is_no_file_is_said_in_words(session: Session, word: str, fault: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        run(f"backup-policy create {VAULT} -n p --policy {word}", session)
    assert fault in caught.value.message and "Errno" not in caught.value.message
    assert "give a file" in caught.value.hint


def test_options_before_any_command_are_told_where_they_go(session: Session) -> None:
    with pytest.raises(LanguageError, match="belongs to no command") as caught:
        run("--subscription Backup\nbackup-vault list", session)
    assert caught.value.hint == "options go after their command: on its line, or after a backslash that ends the line"

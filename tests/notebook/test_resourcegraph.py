"""``%resourcegraph`` in a real IPython, against the sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pandas
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from dpmagic.errors import CommandLineError, DpmagicError, InvalidArgument, QueryError
from dpmagic.notebook.resourcegraph import read
from dpmagic.session import Session
from tests.notebook.conftest import Run

DISKS = "resources | where type =~ 'microsoft.compute/disks'"


@pytest.fixture
def sandbox(run: Run, capsys: pytest.CaptureFixture[str]) -> Run:
    """Cells, run against the sandbox's default estate."""
    run("%dataprotection connect sandbox")
    capsys.readouterr()
    return run


@pytest.mark.parametrize(
    "cell",
    [
        f"df = %resourcegraph {DISKS} | summarize n = count()",
        f"%resourcegraph df << {DISKS} | summarize n = count()",
        f"%resourcegraph --out df {DISKS} | summarize n = count()",
        f"%%resourcegraph df <<\n{DISKS}\n| summarize n = count()",
        f"%%resourcegraph --out df\n{DISKS}\n| summarize n = count()",
        f"%%resourcegraph df << {DISKS}\n| summarize n = count()  // all of them",
    ],
)
def test_ways_to_store_the_rows(sandbox: Run, shell: InteractiveShell, cell: str) -> None:
    sandbox(cell)
    df = shell.user_ns["df"]
    assert type(df) is pandas.DataFrame
    assert df["n"].tolist() == [289]
    assert df.dtypes["n"] == "Int64"


@pytest.mark.parametrize("where", ["scope << --out {0}", "--out {0} --out scope"])
def test_rows_go_to_a_file_and_a_name_alike(sandbox: Run, shell: InteractiveShell, tmp_path: Path, where: str) -> None:
    file = tmp_path / "disks.csv"
    sandbox(f"%%resourcegraph {where.format(file)}\n{DISKS} | project name")
    assert len(pandas.read_csv(file)) == len(shell.user_ns["scope"]) == 289


def test_options_take_names(sandbox: Run, shell: InteractiveShell, tmp_path: Path) -> None:
    shell.user_ns |= {"one": "Shop", "two": ["Shop", "Data"], "file": str(tmp_path / "a.json"), "none": ""}
    count = f"{DISKS} | summarize n = count() by subscriptionId"
    assert len(sandbox(f"%%resourcegraph --scope $one\n{count}")) == 1
    assert len(sandbox(f"%resourcegraph --scope $two {count}")) == 2
    sandbox(f"%resourcegraph --scope $two --out $file {count}")
    assert len(json.loads((tmp_path / "a.json").read_text())) == 2
    with pytest.raises(DpmagicError, match="there is no name three"):
        sandbox(f"%resourcegraph --scope $three {count}")
    for empty in ("$none", "''"):
        with pytest.raises(CommandLineError, match="--scope is empty"):
            sandbox(f"%resourcegraph --scope {empty} {count}")


def test_a_name_in_quotes_is_told_of(sandbox: Run, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["disk"] = "data-01"
    for quoted in ("'$disk'", '"${disk}"'):
        assert sandbox(f"%resourcegraph {DISKS} and name == {quoted}").empty
        assert f"{quoted} in quotes is text, not the variable" in "".join(capsys.readouterr())
    assert len(sandbox(f"%resourcegraph {DISKS} and name == $disk and name != '$x' and name != '$5'")) == 1
    assert "in quotes" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "cell",
    ["> all.csv\nresources", "\nresources\n| project name > out/all.parquet", "--top 3\nresources > x.json;"],
)
def test_a_shells_redirection_is_told_what_to_write(run: Run, cell: str) -> None:
    with pytest.raises(CommandLineError, match="is no KQL") as caught:
        run(f"%%resourcegraph {cell}")
    assert "--out" in caught.value.hint


def test_all_pages_come_typed_and_say_what_they_cover(sandbox: Run) -> None:
    kql = "resources | project id, name, subscriptionId, timeCreated = todatetime(properties.timeCreated)"
    rows = sandbox(f"%resourcegraph {kql}")
    told = rows.attrs["dpmagic"]
    assert len(rows) == told["rows"] == told["of"] > 8_000
    assert rows["id"].str.lower().is_unique
    assert str(rows.dtypes["timeCreated"]) == "datetime64[us, UTC]"
    assert (told["target"], told["kql"]) == ("sandbox", kql)


def test_names_become_literals_and_are_never_read_as_kql(sandbox: Run, shell: InteractiveShell) -> None:
    shell.user_ns |= {"wanted": ["CLITestDisk", "it's | take 1"], "kind": "microsoft.compute/disks", "least": 4}
    cell = "%%resourcegraph\nresources // $nobody\n| where type =~ $kind and name in ($wanted)"
    assert sandbox(
        f"{cell} and toint(properties.diskSizeGB) >= $least\n| project name, x = '$kind'"
    ).values.tolist() == [["CLITestDisk", "$kind"]]
    with pytest.raises(InvalidArgument, match="line 2: there is no name wantd") as caught:
        sandbox("%%resourcegraph\nresources\n| where name in ($wantd)")
    assert caught.value.hint == "did you mean wanted?"


def test_a_first_part_says_of_how_many(sandbox: Run, capsys: pytest.CaptureFixture[str]) -> None:
    rows = sandbox(f"%resourcegraph --top 3 {DISKS} | project id")
    assert len(rows) == 3
    assert capsys.readouterr().err == "the first 3 of 289 rows\n"


def test_scopes_by_name_and_what_cannot_be_read(sandbox: Run, capsys: pytest.CaptureFixture[str]) -> None:
    count = "resources | summarize n = count() by subscriptionId"
    one = sandbox(f"%resourcegraph --scope Workloads {count}")
    group = sandbox(f"%resourcegraph --scope 'Landing zones' {count}")
    everything = sandbox(f"%resourcegraph --scope tenant {count}")
    assert len(one) == 1 <= len(group) < len(everything)
    capsys.readouterr()
    nobodys = "00000000-0000-4000-8000-000000000000"
    rows = sandbox(f"%resourcegraph --scope Workloads --scope {nobodys} {count}")
    assert rows.attrs["dpmagic"]["subscriptions"]["unreadable"] == [nobodys]
    assert capsys.readouterr().err == f"1 of 2 subscriptions cannot be read: {nobodys}\n"
    with pytest.raises(InvalidArgument, match="no subscription or management group called 'Worklods'") as caught:
        sandbox(f"%resourcegraph --scope Worklods {count}")
    assert caught.value.hint == "did you mean Workloads?"
    with pytest.raises(QueryError, match="AccessDenied") as refused:
        sandbox(f"%resourcegraph --scope {nobodys} {count}")
    assert "ask for Reader" in refused.value.hint


def test_other_forms_and_files(sandbox: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kql = f"{DISKS} | where name == 'CLITestDisk' | project name, tags"
    assert json.loads(sandbox(f"%resourcegraph -o json {kql}"))[0]["name"] == "CLITestDisk"
    assert "CLITestDisk" in sandbox(f"%resourcegraph -o table {kql}")
    capsys.readouterr()
    for suffix in ("csv", "json", "parquet"):
        path = tmp_path / f"disks.{suffix}"
        assert sandbox(f"%resourcegraph --out {path} {kql}") is None
        assert capsys.readouterr().out.startswith(f"wrote {path}: 1 ")
    assert pandas.read_parquet(tmp_path / "disks.parquet")["name"].tolist() == ["CLITestDisk"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--tops 3 resources", "has no option --tops"),
        ("--top 0 resources", "a whole number from 1, not '0'"),
        ("--top", "--top needs a value"),
        ("-o jsn resources", "there is no form 'jsn'"),
        ("class << resources", "a word of Python's"),
        ("", "there is no query"),
        ("// nothing but this", "there is no query"),
    ],
)
def test_what_is_wrong_is_one_line_and_a_hint(sandbox: Run, line: str, said: str) -> None:
    with pytest.raises(DpmagicError, match=said) as caught:
        sandbox(f"%resourcegraph {line}")
    assert len(caught.value.lines()) == 2
    assert isinstance(caught.value, CommandLineError | InvalidArgument)


def test_the_value_of_an_option_stands_on_its_line(sandbox: Run) -> None:
    with pytest.raises(CommandLineError, match="--scope needs a value"):
        sandbox("%%resourcegraph --scope\nresources | count")


def test_a_fault_is_pointed_at_in_the_query_as_it_was_typed(sandbox: Run, shell: InteractiveShell) -> None:
    shell.user_ns["names"] = ["a", "b"] * 20
    with pytest.raises(QueryError) as caught:
        sandbox("%%resourcegraph\nresources\n| where name in ($names) and nme == 'x'\n| count")
    _, line, caret, *_ = caught.value.lines()
    assert line == "  | where name in ($names) and nme == 'x'"
    assert (line.index("nme ="), len(caret)) == (caret.index("^^^"), caret.index("^^^") + 3)


def test_the_options_are_read_before_the_query() -> None:
    wanted = read(' x << --scope "A b" --scope=c --top 5 -o raw --out y.csv resources | where a == "--top"\n| count')
    assert (wanted.target, wanted.scope, wanted.top, wanted.form) == ("x", ["A b", "c"], 5, "raw")
    assert wanted.query == 'resources | where a == "--top"\n| count'


def completed(shell: InteractiveShell, before: str) -> list[str]:
    with provisionalcompleter():
        found = list(shell.Completer.completions(before, len(before)))
    return [before[: one.start] + one.text for one in found]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("%%resourcegraph\nrecoveryserv", "%%resourcegraph\nrecoveryservicesresources"),
        ("x = %resourcegraph resources | wh", "x = %resourcegraph resources | where"),
        ("%%resourcegraph --to", "%%resourcegraph --top"),
        ("%%resourcegraph -o jso", "%%resourcegraph -o json"),
        (
            f"%%resourcegraph\n{DISKS}\n| project properties.diskSt",
            f"%%resourcegraph\n{DISKS}\n| project properties.diskState",
        ),
        (f"%%resourcegraph\n{DISKS} | where name == $my_na", f"%%resourcegraph\n{DISKS} | where name == $my_name"),
        ("%%resourcegraph\nlet disks = resourcec", "%%resourcegraph\nlet disks = resourcecontainers"),
        ("%%resourcegraph\nlet disks = resources; dis", "%%resourcegraph\nlet disks = resources; disks"),
        ("%%resourcegraph\nunion resources, resourcec", "%%resourcegraph\nunion resources, resourcecontainers"),
        ("%%resourcegraph\nresources | join kind=lefto", "%%resourcegraph\nresources | join kind=leftouter"),
        (
            "%%resourcegraph\nresources | where type =~ 'microsoft.compute/sn",
            "%%resourcegraph\nresources | where type =~ 'microsoft.compute/snapshots",
        ),
    ],
)
def test_completion(shell: InteractiveShell, typed: str, expected: str) -> None:
    shell.user_ns["my_name"] = "x"
    assert expected in completed(shell, typed)


def test_scopes_are_completed_with_what_is_there(sandbox: Run, shell: InteractiveShell) -> None:
    completed(shell, "%%resourcegraph --scope Work")
    assert "%%resourcegraph --scope Workloads" in completed(shell, "%%resourcegraph --scope Work")


def test_ctrl_c_while_the_quota_is_waited_for_leaves_everything_usable(
    sandbox: Run, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = session.connected()
    kql = "resources | where type =~ 'microsoft.compute/disks' | summarize n = count()"

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(connection.clock, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        for _ in range(20):
            sandbox(f"kept = %resourcegraph {kql}")
    monkeypatch.undo()
    assert sandbox(f"%resourcegraph {kql}")["n"].tolist() == [289]

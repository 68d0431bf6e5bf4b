"""``dpmagic query`` as a process: a file or standard input, the forms, the errors."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pandas
import pytest

import dpmagic

DPMAGIC = [sys.executable, "-m", "dpmagic.shell", "query", "--target", "sandbox"]
KQL = "resources\n| where type =~ $type\n| summarize n = count() by location\n| order by location asc\n"
TYPE = ("--param", "type=microsoft.compute/disks")

pytestmark = pytest.mark.slow


def query(*words: str, stdin: str = "") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*DPMAGIC, *words], capture_output=True, input=stdin.encode())


def test_a_file_as_json_csv_and_parquet(tmp_path: Path) -> None:
    file = tmp_path / "disks.kql"
    file.write_text(KQL, encoding="utf-8")
    rows = json.loads(query(str(file), *TYPE).stdout)
    assert [row["location"] for row in rows] == sorted(row["location"] for row in rows)
    assert sum(row["n"] for row in rows) == 289
    csv = query(str(file), *TYPE, "-o", "csv")
    assert csv.stdout.decode().splitlines() == ["location,n", *(f"{row['location']},{row['n']}" for row in rows)]
    parquet = pandas.read_parquet(io.BytesIO(query(str(file), *TYPE, "-o", "parquet").stdout))
    assert parquet["n"].tolist() == [row["n"] for row in rows]


def test_standard_input_a_scope_and_the_first_rows() -> None:
    done = query("-", "--scope", "Workloads", "--top", "1", "-o", "table", stdin="resources | project name\n")
    assert done.stdout.decode().split()[:1] == ["name"]
    assert done.stderr.decode() == "the first 1 of 11 rows\n"


@pytest.mark.parametrize(
    ("words", "stdin", "code", "said"),
    [
        (("nothere.kql",), "", 1, "cannot read nothere.kql: no such file or directory"),
        (("-",), "", 1, "there is no query"),
        (("-",), "resources | where name == $x", 2, "$x has no value\n  hint: --param x=VALUE"),
        (("resources | count",), "", 1, "a pipe: echo '...' | dpmagic query -"),
        (("-", "--param", "x"), "resources", 2, "is no NAME=VALUE"),
        (("-", "--param", "naem=x"), "resources | where name == $name", 2, "no $naem\n  hint: did you mean name?"),
        (("-", "--param", "name=x"), "resources", 2, "it has no $NAME: leave --param out"),
        (("-", "--param", "a=1", "--param", "a=2"), "resources | take $a", 2, "--param a is given twice"),
        (("-",), "resources\n| render piechart", 1, "  | render piechart\n    ^^^^^^"),
        (("-", "--scope", "Nope"), "resources", 1, "no subscription or management group called 'Nope'"),
    ],
)
def test_what_is_wrong_is_said_in_a_few_lines(words: tuple[str, ...], stdin: str, code: int, said: str) -> None:
    done = query(*words, stdin=stdin)
    assert (done.returncode, done.stdout) == (code, b"")
    assert said in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_an_archive(tmp_path: Path) -> None:
    tables = {"vaults": pandas.DataFrame([{"id": f"/v/{name}", "name": name, "tags": {"n": 1}} for name in "ab"])}
    dpmagic.collect(dpmagic.Estate.of(tables, now="2026-03-02T08:00:00Z"), tmp_path / "backups")
    (tmp_path / "names.kql").write_text("vaults | where name != $not | order by name asc | project name, tags")
    words = ["--archive", str(tmp_path / "backups"), str(tmp_path / "names.kql"), "--param", "not=x"]
    done = query(*words, "--top", "1")
    assert json.loads(done.stdout) == [{"name": "a", "tags.n": 1}]
    assert done.stderr.decode() == "the first 1 of 2 rows\n"
    assert query(*words, "-o", "csv").stdout.decode().splitlines() == ["name,tags.n", "a,1", "b,1"]
    assert pandas.read_parquet(io.BytesIO(query(*words, "-o", "parquet").stdout))["name"].to_list() == ["a", "b"]
    refused = query(*words, "--scope", "Shop")
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert "--scope is for Azure" in refused.stderr.decode()

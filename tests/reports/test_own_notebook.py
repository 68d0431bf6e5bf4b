"""A notebook of one's own, an archive, sizes, and what goes wrong."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pandas
import psutil
import pytest

import dpmagic
from dpmagic.archive.collect import collect
from dpmagic.connection import connect_sandbox
from dpmagic.errors import AzureError, Interrupted, InvalidArgument
from dpmagic.estate import Estate
from dpmagic.estate.opening import open_live
from dpmagic.progress import Silent
from dpmagic.reports.cells import table
from dpmagic.reports.contents import Report
from dpmagic.reports.report import NOTEBOOK, report
from dpmagic.reports.running import ReportFailed
from dpmagic.sandbox import Mishap, Mishaps
from dpmagic.shell import main

pytestmark = pytest.mark.slow


SPEC: dict[str, Any] = {
    "seed": 5,
    "days": 3,
    "policies": {"daily": {"every": "P1D", "start": "2024-01-01T22:00:00Z", "keep": "P10D"}},
    "subscriptions": [
        {
            "name": "Shop",
            "vaults": {"v1": {"policies": ["daily"]}, "v2": {"policies": ["daily"]}},
            "disks": [{"name": "d", "count": 3, "vault": "v1", "policy": "daily", "group": "rg"}],
        }
    ],
}


@pytest.fixture(scope="module")
def estate() -> Estate:
    return open_live(connect_sandbox(estate=SPEC))


class Heard(Silent):
    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, text: str) -> None:
        self.stages.append(text)


def test_an_archive_is_read_as_one_and_progress_is_told(
    estate: Estate, notebook: Callable[..., Path], tmp_path: Path
) -> None:
    collect(estate, tmp_path / "archive", recovery_points=False)
    mine = notebook(
        'report.keep("mine", report.estate.vaults()[["id", "name"]]).show("name")',
        "print(type(report.estate.source).__name__)",
        "report.write()",
    )
    heard = Heard()
    written = report(out=tmp_path / "out", archive=tmp_path / "archive", notebook=mine, worst=0, observer=heard)
    assert written.exit_code == 0 and list(written.summary["answers"]) == ["mine"]
    assert ">Archive" in (tmp_path / "out" / "report.html").read_text().replace("\n", "")
    assert len(pandas.read_parquet(tmp_path / "out" / "tables" / "mine.parquet")) == len(estate.vaults())
    assert heard.stages[0] == "report: reading the estate" and "report: Mine (4 of 6)" in heard.stages


def test_a_cell_that_fails_is_told_and_leaves_the_notebook(
    estate: Estate, notebook: Callable[..., Path], tmp_path: Path
) -> None:
    mine = notebook('raise ValueError("not like that")')
    earlier = ("summary.json", "report.html", "report.xlsx")
    (tmp_path / "out").mkdir()
    for name in earlier:
        (tmp_path / "out" / name).write_text("of an earlier report")
    with pytest.raises(InvalidArgument, match="no export is at"):
        report(estate, tmp_path / "out", notebook=mine, sizes="nothere.csv")
    with pytest.raises(InvalidArgument, match="is no file"):
        report(estate, tmp_path / "out", notebook=mine, controls={"it": {"kind": "coverage"}})  # type: ignore[arg-type]
    assert all((tmp_path / "out" / name).is_file() for name in earlier)
    with pytest.raises(ReportFailed, match="the cell under 'Mine' failed: ValueError: not like that"):
        report(estate, tmp_path / "out", notebook=mine)
    run = nbformat.read(tmp_path / "out" / "report.ipynb", as_version=4)
    assert run.cells[-1].outputs[0].ename == "ValueError"
    assert not any((tmp_path / "out" / name).exists() for name in earlier)
    with pytest.raises(InvalidArgument, match=r"cannot write to .*: not a directory"):
        report(estate, tmp_path / "out" / "report.ipynb" / "below", notebook=mine)


def test_a_kernel_that_dies_is_told(estate: Estate, notebook: Callable[..., Path], tmp_path: Path) -> None:
    mine = notebook("import os\nos.write(2, b'out of luck\\n')\nos._exit(3)")
    with pytest.raises(ReportFailed, match="the kernel died: out of luck"):
        report(estate, tmp_path / "out", notebook=mine)


def test_ctrl_c_ends_it_and_its_kernel(notebook: Callable[..., Path], tmp_path: Path) -> None:
    mine = notebook("import os, pathlib, time\npathlib.Path('begun').write_text(str(os.getpid()))\ntime.sleep(600)")
    words = ["--target", "sandbox", "--estate", "starter", "--notebook", str(mine), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "dpmagic.shell", "report", *words]
    begun = tmp_path / "out" / "begun"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        while not (begun.is_file() and begun.read_text()):
            assert running.poll() is None, running.communicate()
            time.sleep(0.1)  # noqa: TID251 (a process of its own is waited for)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130 and "the report was stopped" in said and "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text()), 0)


def test_ctrl_c_while_the_estate_is_read_says_that_there_is_no_report(
    estate: Estate, notebook: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    (tmp_path / "out" / "tables").mkdir(parents=True)
    for name in ("summary.json", "tables/findings.parquet"):
        (tmp_path / "out" / name).write_text("of an earlier report")
    monkeypatch.setattr("dpmagic.reports.report.save", stopped)
    with pytest.raises(Interrupted, match="stopped while the estate was read") as caught:
        report(estate, tmp_path / "out", notebook=notebook("report.write()"))
    assert "there is no report in" in caught.value.hint
    assert not [*(tmp_path / "out").rglob("*.parquet")] and not (tmp_path / "out" / "summary.json").exists()


def test_an_estate_that_cannot_be_read_leaves_no_kernel(notebook: Callable[..., Path], tmp_path: Path) -> None:
    """The kernel starts while the estate is read: it ends with the report."""
    connection = connect_sandbox(estate="starter")
    estate = open_live(connection)
    connection.sandbox.mishaps = Mishaps([Mishap("forbidden", where="resources")])
    with pytest.raises(AzureError, match="AuthorizationFailed"):
        report(estate, tmp_path / "out", notebook=notebook("report.write()"))
    assert not [one for one in psutil.Process().children() if "ipykernel_launcher" in " ".join(one.cmdline())]


def test_what_is_no_notebook_for_it(estate: Estate, notebook: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ReportFailed, match="has no cell with the tag parameters"):
        report(estate, tmp_path / "out", notebook=notebook(tags=()))
    (tmp_path / "text.ipynb").write_text("no")
    with pytest.raises(ReportFailed, match="is no notebook"):
        report(estate, tmp_path / "out", notebook=tmp_path / "text.ipynb")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidArgument, match="holds other things"):
        report(estate, tmp_path / "other")
    with pytest.raises(InvalidArgument, match="there is no severity 5"):
        report(estate, tmp_path / "new", worst=5)


def test_eject_gives_the_notebook_and_takes_nothing_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.ipynb"
    assert main(["report", "--eject", str(mine)]) == 0
    assert mine.read_bytes() == NOTEBOOK.read_bytes() and "--notebook" in capsys.readouterr().err
    assert main(["report", "--eject", str(mine)]) == 1
    assert main(["report", "--eject", str(tmp_path / "no" / "mine.ipynb")]) == 1
    assert main(["report", "--archive", str(tmp_path), "--target", "sandbox"]) == 2
    capsys.readouterr()
    assert main(["report", "--controls", str(tmp_path / "none.yaml")]) == 1  # before there is a connection
    assert "none.yaml cannot be read" in capsys.readouterr().err


def test_the_notebook_that_ships_was_not_run() -> None:
    shipped = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(shipped)
    assert not [cell for cell in shipped.cells if cell.get("outputs") or cell.get("execution_count")]


def test_what_is_not_there_is_said_in_its_place(estate: Estate, tmp_path: Path) -> None:
    made = Report(Estate.of({"jobs": estate.jobs()}, now=estate.now), tmp_path)

    shown = made.ask("posture", dpmagic.posture).show().html
    assert "posture is not answered: the table vaults is missing" in shown
    assert "No picture of posture" in made.chart(lambda frame: frame, "posture").html
    with pytest.raises(InvalidArgument, match="there is no answer posture: the table vaults is missing"):
        made.frame("posture")
    assert made.summary()["gate"]["reasons"] == ["the findings are not known: nobody asked for them"]


def test_an_unreadable_subscription_shuts_the_gate(tmp_path: Path) -> None:
    lost = "99999999-9999-4999-8999-999999999999"
    made = Report(open_live(connect_sandbox(estate=SPEC), expected=lost), tmp_path, worst=0)
    assert made.summary()["gate"]["reasons"] == [f"1 unreadable: {lost}"] and made.summary()["exitCode"] == 4
    assert f"Not readable: {lost}" in made.cover().html


def test_a_table_that_azure_refuses_is_said_in_its_sections_and_the_others_answer(tmp_path: Path) -> None:
    """The notebook that ships, cell by cell; the estate is read as the report reads it."""
    connection = connect_sandbox(estate=SPEC)
    connection.sandbox.mishaps = Mishaps([Mishap("forbidden", text="backupjobs|policyexemptions")])
    names = ["subscriptions", "vaults", "policies", "instances", "jobs", "disks", "snapshots", "exemptions"]
    open_live(connection).save(tmp_path / "estate", names, partial=True)
    shown: list[Any] = []
    known = {"given": {"estate": tmp_path / "estate", "folder": tmp_path}, "__name__": "report"}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        drawn = cell.source.startswith("report.chart(") and "jobs=" not in cell.source  # pictures take their time
        if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", []) and not drawn:
            made = ast.parse(cell.source)
            *first, last = made.body
            exec(compile(ast.Module(first, []), "cell", "exec"), known)
            assert isinstance(last, ast.Expr)
            shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), known))
    report: Any = known["report"]
    why = "the table jobs could not be read: AuthorizationFailed: "
    assert "The table jobs could not be read: AuthorizationFailed" in shown[0].html
    assert "The table exemptions could not be read" in shown[0].html
    assert all(
        report.unanswered[one].startswith(why) for one in ("coverage", "triage", "rpo", "durations", "success_rate")
    )
    assert {"posture", "policy_inventory", "snapshot_headroom", "simulate", "findings"} <= {*report.answers}
    controls = report.frame("controls").set_index("control")
    assert controls.loc["softDelete", "verdict"] != "not verifiable" != controls.loc["minimumRetention", "verdict"]
    assert controls.loc["lastRecoveryPoint", "reason"].startswith(why)
    assert controls.loc["inPlan", ["n", "notVerifiable"]].tolist() == [len(report.estate.disks())] * 2
    assert set(report.frame("findings")["kind"]) <= {"posture", "headroom"}
    summary = json.loads((tmp_path / "summary.json").read_bytes())
    assert summary["gate"]["reasons"][0] == "2 tables could not be read: jobs, exemptions"
    assert summary["gate"]["reasons"][1].startswith("not all findings are known: gap, failure, orphanInstance")
    assert summary["exitCode"] == 4 and {*summary["completeness"]["refused"]} == {"jobs", "exemptions"}
    with pytest.raises(AzureError, match="AuthorizationFailed"):
        open_live(connection).save(tmp_path / "none", ["jobs"], partial=True)
    again = Estate.load(Estate.load(tmp_path / "estate").save(tmp_path / "again"))
    assert [*again.source.refused] == ["jobs", "exemptions"]


def test_sizes_are_handed_to_the_questions(estate: Estate, tmp_path: Path) -> None:
    ids = estate.snapshots()["id"].head(3)
    days = pandas.date_range("2026-02-01", periods=3, tz="UTC")
    sizes = pandas.DataFrame([{"id": one, "day": day, "usedGiB": 2.0} for one in ids for day in days])
    made = Report(estate, tmp_path, sizes=sizes)
    assert list(made.ask_with("sizes", "stored", dpmagic.stored).frame["usedGiB"]) == [6.0, 6.0, 6.0]
    assert (
        Report(estate, tmp_path)
        .ask_with("sizes", "stored", dpmagic.stored)
        .show()
        .text.endswith("no sizes were given.")
    )
    json.dumps(made.summary())


def test_sizes_stay_with_the_report(estate: Estate, notebook: Callable[..., Path], tmp_path: Path) -> None:
    """Of a frame, or of exports: what its figures are from is in its folder, and in the evidence."""
    days = pandas.date_range("2026-02-01", periods=3, tz="UTC")
    ids = estate.snapshots()["id"].head(3)
    sizes = pandas.DataFrame([{"id": one, "day": day, "usedGiB": 2.0} for one in ids for day in days])
    asks = 'report.ask_with("sizes", "stored", dpmagic.stored)\nreport.write()'
    mine = notebook(f"import dpmagic\n{asks}")
    written = report(estate, tmp_path / "out", sizes=sizes, notebook=mine, worst=0)
    assert written.summary["unanswered"] == {}
    stored = pandas.read_parquet(tmp_path / "out" / "tables" / "stored.parquet")
    assert list(stored["usedGiB"]) == [6.0, 6.0, 6.0]
    [kept] = [one for one in written.summary["files"] if one["file"] == "sizes.parquet"]
    assert kept["rows"] == 9
    with pytest.raises(InvalidArgument, match="no export is at"):
        report(estate, tmp_path / "other", sizes=tmp_path / "nowhere", notebook=mine)
    assert not (tmp_path / "other" / "estate").exists()


def test_bounds_are_percent_only_beside_a_share() -> None:
    sizes = pandas.DataFrame({"usedGiB": [262296.5], "low": [0.5], "high": [273226.2]})
    assert "%" not in table(sizes).html and "273,226" in table(sizes).html
    assert "50.0 %" in table(pandas.DataFrame({"rate": [0.7], "low": [0.5]})).html


def test_the_summary_is_json_and_the_gate_minds_the_severity(estate: Estate, tmp_path: Path) -> None:
    made: Any = Report(estate, tmp_path, worst=2)
    made.keep("findings", pandas.DataFrame({"severity": [2, 3], "kind": ["gap", "gap"], "id": ["a", "b"]}))
    assert made.summary()["gate"]["reasons"] == ["1 finding of severity 2 or worse"]
    made.worst = 1
    assert json.loads(json.dumps(made.summary()))["exitCode"] == 0


def test_controls_of_ones_own_come_first_shut_the_gate_and_stay_with_the_report(
    estate: Estate, notebook: Callable[..., Path], tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    late = "{id: 'ID', reason: moving house, by: dba, until: 2027-01-01}".replace("ID", estate.vaults()["id"].min())
    file.write_text(
        "# <b>\u202e</b>\n"
        "geo: {kind: posture, column: storageType, allowed: [NobodyHasThis]}\n"
        "protected: {kind: coverage, state: configured, where: {resourceGroup: rg}}\n"
        "typed: {kind: coverage, where: {resourceGroup: rgg}}\n"
        f"old:\n  kind: posture\n  column: location\n  allowed: [moon]\n  where: {{vault: v1}}\n  except: [{late}]\n"
    )
    asks = 'report.ask("control_members", dpmagic.control_members, file=report.controls)\n'
    asks += 'report.ask("controls", dpmagic.controls, file=report.controls).show("control", "verdict", "until", "by")'
    mine = notebook(f"import dpmagic\n{asks}", "report.write()")
    written = report(estate, tmp_path / "out", controls=file, notebook=mine, worst=0)
    assert written.summary["controls"] == {
        "geo": "fail",
        "protected": "pass",
        "typed": "not verifiable",
        "old": "excepted",
    }
    told = ["1 control failed: geo", "1 control cannot be told: typed"]
    assert written.exit_code == 4 and written.summary["gate"]["reasons"] == told
    assert (tmp_path / "out" / "controls.yaml").read_bytes() == file.read_bytes()
    assert "no disk is of resourceGroup rgg; did you mean rg?; correct its where" in written.page.read_text(
        encoding="utf-8"
    )
    html = written.page.read_text()
    assert hashlib.sha256(file.read_bytes()).hexdigest() in html and "reason: moving house" in html
    assert "\u202e" not in html and "<b>" not in html.partition("Controls and baseline")[2].partition("geo:")[0]
    assert "<td>dba</td>" in html and "2027-01-01 00:00" in html
    members = pandas.read_parquet(tmp_path / "out" / "tables" / "control_members.parquet")
    failed = members.loc[members["verdict"] == "fail", ["control", "id"]].to_numpy().tolist()
    assert failed == [["geo", one] for one in sorted(estate.vaults()["id"])]


def test_controls_that_are_not_understood_are_told_before_anything_is_read(estate: Estate, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("a:\n  kind: rop\n  atMost: 1d\n")
    with pytest.raises(InvalidArgument, match=r"mine\.yaml line 2: the kind rop is not known"):
        report(estate, tmp_path / "out", controls=file)
    assert not (tmp_path / "out" / "estate").exists()
    with pytest.raises(InvalidArgument, match=r"mine\.yaml line 2"):
        Report(estate, tmp_path, controls=file)
    with pytest.raises(InvalidArgument, match="cannot be read"):
        Report(estate, tmp_path, baseline=tmp_path / "none.toml")


def test_controls_that_ship_shut_no_gate_and_unknown_ones_do(estate: Estate, tmp_path: Path) -> None:
    made = Report(estate, tmp_path, worst=0)
    verdicts = made.ask("controls", dpmagic.controls, file=made.controls).frame["verdict"]
    assert "fail" in set(verdicts) and made.summary()["exitCode"] == 0
    made = Report(Estate.of({"jobs": estate.jobs()}, now=estate.now), tmp_path, controls={"a": {"kind": "coverage"}})
    made.ask("controls", dpmagic.controls, file=made.controls)
    assert "1 control cannot be told: a" in made.summary()["gate"]["reasons"]


def test_a_baseline_of_ones_own_that_fails_shuts_the_gate(estate: Estate, tmp_path: Path) -> None:
    file = tmp_path / "baseline.toml"
    file.write_text('[vaultTier]\ncolumn = "storageType"\nallowed = ["NobodyHasThis"]\n')
    made = Report(estate, tmp_path, baseline=file, worst=0)
    made.ask("posture", dpmagic.posture, baseline=made.baseline)
    assert made.summary()["gate"]["reasons"] == ["2 settings of vaults failed the baseline"]
    assert '<td>vaultTier</td><td class="number">2</td>' in made.tally("posture", "control", "verdict").html


def test_heads_are_words_bounds_are_said_and_verdicts_are_counted(estate: Estate, tmp_path: Path) -> None:
    made = Report(estate, tmp_path)
    since = pandas.to_datetime(["2026-02-01", "2026-02-02", None], utc=True).astype("datetime64[us, UTC]")
    rows = {
        "name": ["pastExpiry", "b", "c"],
        "reason": ["pastExpiry", "fail", "fail"],
        "since": since,
        "sinceIs": ["after", "at", None],
        "diskSizeGB": [1, 2, 3],
    }
    shown = made.keep("mine", pandas.DataFrame(rows).astype({"sinceIs": "str"})).show(*rows, tally="reason").html
    assert '<th class="number" scope="col" title="diskSizeGB">disk size GB</th>' in shown
    assert '<td class="time">after 2026-02-01 00:00</td>' in shown and '<td class="time">2026-02-02 00:00</td>' in shown
    assert "sinceIs" not in shown and "<td>pastExpiry</td><td>past expiry</td>" in shown
    assert '<li class="tone bad"><b>2</b> fail</li>' in shown

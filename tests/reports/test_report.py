"""The report of the default estate, and of one whose names are meant to do harm: what is in the folder, and its looks.

All are in one file, so that a run on several processes makes each report once.
"""

from __future__ import annotations

import csv
import hashlib
import re
import zipfile
from html import unescape
from pathlib import Path

import nbformat
import openpyxl
import pandas
import pytest

import dpmagic
from dpmagic.estate import Estate
from dpmagic.reports.cover import worst as worst_of
from dpmagic.reports.report import NOTEBOOK, Written
from tests.reports.conftest import Ran
from tests.reports.hostile import NAMES
from tests.reports.seen import ASK, chromium, inert_page

pytestmark = pytest.mark.slow


def test_the_gate_is_shut_and_says_why(default: Ran) -> None:
    found = default.summary
    assert default.code == found["exitCode"] == 4
    worst = found["findings"]["bySeverity"]["1"]
    assert found["gate"] == {"holds": False, "worst": 1, "reasons": [f"{worst} findings of severity 1"]}
    lines = default.said.splitlines()
    assert len(lines) == 3 and lines[0].startswith(f"{found['findings']['total']} findings ({worst} of severity 1")
    assert lines[2].endswith("report.html") and Path(lines[2].removeprefix("the report: ")).is_file()


def test_every_question_is_answered_but_those_without_sizes(default: Ran) -> None:
    found = default.summary
    assert set(found["unanswered"].values()) == {"no sizes were given"}
    asked = re.findall(r'report\.ask(?:_with)?\((?:"sizes", )?"(\w+)"', NOTEBOOK.read_text().replace('\\"', '"'))
    assert {*found["answers"], *found["unanswered"]} == set(asked) and len(found["answers"]) >= 15
    assert "not answered: no sizes were given" in default.html


def test_its_figures_are_those_of_the_analyses(default: Ran) -> None:
    estate = Estate.load(default.folder / "estate")
    for name in ("findings", "coverage_gaps", "posture"):
        answer = getattr(dpmagic, name)(estate)
        kept = pandas.read_parquet(default.folder / "tables" / f"{name}.parquet")
        assert list(kept["id"]) == list(answer["id"]) and len(kept) == default.summary["answers"][name]["rows"]


def test_the_first_page_says_who_where_and_what_is_worst(default: Ran) -> None:
    first = default.html.partition('<h2 id="Coverage">')[0]
    for text in (
        "you@sandbox.invalid",
        "2026-03-02 08:00 UTC",
        "6 of 6 answered",
        "2026-02-16 00:00 to 2026-03-02 00:00 UTC",
    ):
        assert text in first
    first_page = first.partition("The-worst-findings")[0].replace("<wbr>", "")
    controls = dpmagic.controls(Estate.load(default.folder / "estate"))
    assert default.summary["controls"] == dict(zip(controls["control"], controls["verdict"], strict=True))
    assert [one for one in controls["control"] if f"<td>{one}</td>" not in first_page] == []
    shown = re.findall(r"<ol class=\"findings\">(.*?)</ol>", first, re.DOTALL)[0]
    assert shown.count("<li>") == 10
    findings = dpmagic.findings(Estate.load(default.folder / "estate"))
    assert findings.loc[0, "name"] in shown
    assert findings.loc[0, "sinceIs"] == "at" and f"since {findings.loc[0, 'since']:%Y-%m-%d %H:%M} UTC" in shown
    assert "az dataprotection backup-instance" in shown and "nothing is known that would help" not in shown


def test_a_bound_of_when_a_finding_began_is_told_as_one(default: Ran) -> None:
    findings = dpmagic.findings(Estate.load(default.folder / "estate"), ["gap"])
    for word, text in (("at", "since "), ("before", "since before "), ("after", "began after ")):
        one = findings[findings["sinceIs"] == word].head(1)
        assert f" · {text}{one['since'].iloc[0]:%Y-%m-%d %H:%M} UTC" in worst_of(one, 1, {}).html


def test_sums_in_the_appendix_are_those_of_the_files(default: Ran) -> None:
    appendix = default.html.partition('<h2 id="Evidence">')[2]
    files = default.summary["files"]
    below = {path.relative_to(default.folder).as_posix() for path in default.folder.rglob("*.parquet")}
    assert {one["file"] for one in files} == below
    for one in files:
        path = default.folder / one["file"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == one["sha256"]
        assert len(pandas.read_parquet(path)) == one["rows"]
        assert one["file"] in appendix and one["sha256"] in appendix


def test_the_appendix_has_queries_versions_and_population(default: Ran) -> None:
    appendix = unescape(default.html.partition('<h2 id="Evidence">')[2])
    estate = Estate.load(default.folder / "estate")
    queries = [estate.table(name).attrs["dpmagic"]["kql"] for name in ("jobs", "instances", "disks", "snapshots")]
    assert all(query and query.strip() in appendix for query in queries)
    assert pandas.__version__ in appendix
    assert "minimumRetention: {kind: retention, atLeast: 35d}" in appendix and "[multiUserAuthorization]" in appendix
    exclusions = dpmagic.exclusions(estate)
    assert all(reason in appendix for reason in exclusions["reason"])
    assert f"<dt>disks</dt><dd>{len(estate.disks()):,}</dd>" in appendix


def test_the_appendix_accounts_for_every_row_that_was_read(default: Ran) -> None:
    """Queries go on from the window's end to now: rows of after it are told, and are in the file."""
    rows = {one["file"]: one["rows"] for one in default.summary["files"]}
    counted = default.summary["completeness"]["tables"]["jobs"]["rows"]
    more = rows["estate/jobs.parquet"] - counted
    assert more > 0 and f"{more:,} more, from 2026-03-02 00:00 UTC to now" in default.html


def test_the_workbook_has_a_sheet_for_each_answer(default: Ran) -> None:
    book = openpyxl.load_workbook(default.folder / "report.xlsx", read_only=True)
    assert book.sheetnames[0] == "contents" and set(book.sheetnames[1:]) == set(default.summary["answers"])
    for name, told in default.summary["answers"].items():
        assert sum(1 for _ in book[name].iter_rows()) == told["rows"] + 1


def test_no_wall_time_is_in_it(default: Ran) -> None:
    run = nbformat.read(default.folder / "report.ipynb", as_version=4)
    assert not [cell for cell in run.cells if "execution" in cell.metadata]
    with zipfile.ZipFile(default.folder / "report.xlsx") as book:
        assert {one.date_time[0] for one in book.infolist()} == {1980}  # no time at all
        core = book.read("docProps/core.xml").decode()
    assert re.findall(r">(2\d{3}-[^<]*)<", core) == ["2026-03-02T08:00:00Z"] * 2
    assert not re.findall(r"20(?:2[7-9]|3\d)-\d\d-\d\d", default.html)


def test_the_page_loads_nothing(default: Ran) -> None:
    seen = inert_page(default.html)
    assert seen.tags["img"] >= 2 and seen.tags["table"] >= 10


def test_bad_names_are_text_in_the_page(bad_names: Written) -> None:
    html = bad_names.page.read_text(encoding="utf-8")
    seen = inert_page(html)
    assert all(name in seen.text for name in NAMES[:-1])
    assert "</td><td>\ufffd[31mred\ufffd" in seen.text and "\x1b" not in html and "\u202e" not in html
    assert bad_names.exit_code == 0


def test_bad_names_are_text_in_the_workbook(bad_names: Written) -> None:
    book = openpyxl.load_workbook(bad_names.folder / "report.xlsx")
    texts = {cell.value for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "s"}
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds and {NAMES[1], "+1+1", "-2+3", "@SUM(1+1)"} <= texts


def test_bad_names_are_no_formulae_in_csv(bad_names: Written) -> None:
    cells = set()
    for path in (bad_names.folder / "tables").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as lines:
            cells |= {cell for row in csv.reader(lines) for cell in row}
    begins = [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]
    assert not [cell for cell in begins if not _is_number(cell)]
    assert {f"'{name}" for name in NAMES if name[0] in "=+-@"} <= cells


def test_parquet_has_them_as_they_are(bad_names: Written) -> None:
    kept = pandas.read_parquet(bad_names.folder / "tables" / "coverage_gaps.parquet")
    assert set(NAMES) <= set(kept["name"])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        # A negative duration, which is no formula either: -1.02:03:04.
        return text[1:].replace(":", "").replace(".", "").isdigit()
    return True


@pytest.mark.parametrize("width", [1280, 400])
def test_it_is_as_wide_as_the_window(default: Ran, tmp_path: Path, width: int) -> None:
    page = (default.folder / "report.html").as_uri()
    asking = tmp_path / "ask.html"
    asking.write_text(ASK.format(page=page, width=width))
    dom = chromium(tmp_path, f"--window-size={width + 40},1000", "--dump-dom", asking.as_uri())
    [told] = re.findall(r'<pre id="told">([\d ]+)</pre>', dom)
    wide, high, images, whole = map(int, told.split())
    assert wide == width, f"one has to scroll sideways: {wide} of {width} px"
    assert high > 3000 and images == whole >= 2


def test_it_prints(default: Ran, tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={paper}", (default.folder / "report.html").as_uri())
    pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
    assert 5 <= pages <= 40

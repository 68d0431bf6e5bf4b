"""A frame in a file or a terminal."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO
from typing import Any

import pandas
import pytest
from openpyxl import load_workbook

from dpmagic.errors import InvalidArgument
from dpmagic.frames import files, frame, sheets
from dpmagic.frames import rows as rows_of
from dpmagic.frames.terminal import terminal_table

JOBS = [
    {
        "id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/v/backupJobs/j1",
        "properties": {
            "status": "Completed",
            "startTime": "2024-05-04T12:00:12.4810403Z",
            "duration": "1.00:03:13.7413207",
            "isUserTriggered": True,
            "jobs": 12,
            "errorDetails": [{"code": "é"}],
            "dataSourceName": "=1+1",
            "policyName": None,
        },
    },
    {"id": "j2", "properties": {"status": 'say "hi",\nvault', "duration": "00:00:00", "jobs": None}},
]


def test_csv_is_plain_text_in_the_spellings_of_azure() -> None:
    lines = files.csv_bytes(frame(JOBS)).decode().split("\n", 2)
    assert lines[0] == "id,status,startTime,duration,isUserTriggered,jobs,errorDetails,dataSourceName,policyName"
    assert lines[1] == (
        f'{JOBS[0]["id"]},Completed,2024-05-04T12:00:12.481040Z,1.00:03:13.741320,True,12,"[{{""code"": ""é""}}]",'
        "'=1+1,"
    )
    assert lines[2] == 'j2,"say ""hi"",\nvault",,00:00:00,,,,,\n'


ACTIVE = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-", "+1 55", "-1\n"]


@pytest.mark.parametrize("text", ACTIVE)
def test_no_text_of_csv_is_a_formula_and_numbers_stay_numbers(text: str) -> None:
    """Neither is a name of a column, however its index is: what is missing is empty, and JSON is what it was."""
    cells = ["-5", "+1.5", "vault =1", None, text]
    nested = [[text], {"a": text}, -3, text, None]
    made = pandas.DataFrame({"name": cells, text: [-1.5, -2, 0, 1, 2], "any": nested}, index=[4, 4, 1, 0, 2])
    rows = list(csv.reader(StringIO(files.csv_bytes(made).decode(), newline="")))
    assert rows[0] == ["name", f"'{text}", "any"]
    assert [row[0] for row in rows[1:]] == ["-5", "+1.5", "vault =1", "", f"'{text}"]
    assert [row[1] for row in rows[1:]] == ["-1.5", "-2.0", "0.0", "1.0", "2.0"]
    assert [row[2] for row in rows[1:]] == [json.dumps(one) if one else "" for one in made["any"]]
    assert made["name"].tolist()[-1] == text


def test_a_carriage_return_begins_no_row_of_csv() -> None:
    made = pandas.DataFrame({"name": ["x\r=cmd|' /C calc'!A0", "plain", None], "n": [1, 2, 3]})
    rows = list(csv.reader(StringIO(files.csv_bytes(made).decode(), newline="")))
    assert rows == [["name", "n"], [made.loc[0, "name"], "1"], ["plain", "2"], ["", "3"]]


def test_csv_is_read_back_as_the_same_frame() -> None:
    made = frame(JOBS)
    again = pandas.read_csv(BytesIO(files.csv_bytes(made, "\t")), sep="\t", dtype="str", keep_default_na=False)
    rows = [{name: text or None for name, text in row.items()} for row in again.to_dict("records")]
    same = ["id", "status", "startTime", "duration"]
    pandas.testing.assert_frame_equal(frame(rows)[same], made[same])
    assert again.loc[0, "dataSourceName"] == "'" + made.loc[0, "dataSourceName"]


def test_parquet_keeps_every_dtype_and_the_attrs() -> None:
    made = frame(JOBS, attrs={"command": "job list"})
    again = pandas.read_parquet(BytesIO(files.parquet_bytes(made)))
    assert again.attrs == {"dpmagic": {"command": "job list"}}
    pandas.testing.assert_frame_equal(again.drop(columns="errorDetails"), made.drop(columns="errorDetails"))
    assert json.loads(again["errorDetails"][0]) == made["errorDetails"][0]


def test_a_sheet_says_that_its_times_are_utc_and_takes_no_text_for_a_formula() -> None:
    sheet = load_workbook(BytesIO(sheets.xlsx_bytes(frame(JOBS)))).active
    assert sheet is not None
    header, first, second = ([cell.value for cell in row] for row in sheet.iter_rows())
    found = dict(zip(header, first, strict=True))
    assert found["startTime (UTC)"] == pandas.Timestamp("2024-05-04T12:00:12.481")
    assert found["duration"].total_seconds() == pytest.approx(86593.741, abs=0.001)
    assert (found["jobs"], found["isUserTriggered"]) == (12, True)
    assert json.loads(found["errorDetails"]) == [{"code": "é"}]
    assert [cell.data_type for cell in sheet[2] if cell.value == "=1+1"] == ["s"]
    assert second[header.index("startTime (UTC)")] is None


def test_a_text_that_looks_like_xml_of_a_sheet_is_a_text() -> None:
    bad = '<r><t>a</t></r></is></c><c r="C2"><f>1+1</f></c><c r="D2" t="inlineStr"><is><r><t>x</t></r>'
    sheet = load_workbook(BytesIO(sheets.xlsx_bytes(pandas.DataFrame({bad: [bad, "<r>"]}, dtype="str")))).active
    assert sheet is not None
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [[f"{bad} "], [bad], ["<r>"]]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}


def test_columns_of_a_sheet_are_as_wide_as_what_is_in_them() -> None:
    made = frame(JOBS).assign(long="x" * 500)
    sheet = load_workbook(BytesIO(sheets.xlsx_bytes(made))).active
    assert sheet is not None
    wide = {cell.value: sheet.column_dimensions[cell.column_letter].width for cell in sheet[1]}
    assert wide["startTime (UTC)"] > 19, "what is too narrow for an instant shows ########"
    assert all(len(head) + 3 <= width < 50 for head, width in wide.items()) and wide["long"] > 40
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", sheet.dimensions)
    assert all(cell.font.b for cell in sheet[1])
    assert load_workbook(BytesIO(sheets.xlsx_bytes(made.head(0)))).active.auto_filter.ref is None


def test_what_excel_has_no_cell_for_is_a_text_and_no_fault() -> None:
    """Instants before its calendar, infinity, characters that are none of XML, links, and texts like its escapes."""
    times = pandas.Series(["0001-01-01T00:00:00Z", "1900-03-01T00:00:00Z"], dtype="datetime64[us, UTC]")
    texts = ["a\x00b\x1bc", "_x0041_ http://evil.example mailto:a@b"]
    odd = pandas.DataFrame({"time": times, "n": [float("inf"), 2.5], "text": texts, "=head": ["internal:A1", "#REF!"]})
    sheet = load_workbook(BytesIO(sheets.xlsx_bytes(odd))).active
    assert sheet is not None
    header, first, second = ([cell.value for cell in row] for row in sheet.iter_rows())
    assert header == ["time (UTC)", "n", "text", "=head"]
    assert first == ["0001-01-01T00:00:00.000000Z", "inf", "a\ufffdb\ufffdc", "internal:A1"]
    # openpyxl shows Excel's escape of what looks like one.
    assert second == [pandas.Timestamp("1900-03-01"), 2.5, texts[1].replace("_x0041_", "_x005F_x0041_"), "#REF!"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s", "n", "d"}
    assert not any(cell.hyperlink for row in sheet.iter_rows() for cell in row)


def test_rows_of_a_sheet_go_on_from_portion_to_portion_and_letters_beyond_the_first_plane_count_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sheets, "_PORTION", 10)
    rows = 2 * sheets._PORTION + 2
    texts = ["\U0001f600" * 20_000, " a\n", *[None] * (rows - 2)]
    made = pandas.DataFrame({"n": range(rows), "text": pandas.Series(texts, dtype="str")})
    sheet = load_workbook(BytesIO(sheets.xlsx_bytes(made)), read_only=True).active
    assert sheet is not None
    assert sheet.calculate_dimension() == f"A1:B{rows + 1}", "it is said in the file"
    found = list(sheet.iter_rows(values_only=True))
    assert [cells[0] for cells in found] == ["n", *range(rows)]
    assert found[1][1] == "\U0001f600" * (rows_of.TEXT // 2) and found[2][1] == " a\n"


def test_a_sheet_refuses_what_excel_would_cut() -> None:
    with pytest.raises(InvalidArgument, match="32,767"):
        sheets.xlsx_bytes(frame({"x": "y" * 32_768}))
    with pytest.raises(InvalidArgument, match="1,048,575"):
        sheets.xlsx_bytes(pandas.DataFrame(index=range(1_048_576)))


def test_half_of_a_surrogate_pair_breaks_no_file() -> None:
    made = frame([{"x": "\ud800", "y": ["\ud800"]}, {"x": "a"}])
    for write in (files.csv_bytes, files.parquet_bytes, sheets.xlsx_bytes):
        assert write(made)
    assert pandas.read_parquet(BytesIO(files.parquet_bytes(made)))["y"][0] == r'["\ud800"]'


def test_a_table_shows_what_has_a_value_and_cuts_nothing() -> None:
    header, rule, first, second = terminal_table(frame(JOBS)).split("\n")
    assert header.split() == ["id", "status", "startTime", "duration", "isUserTriggered", "jobs", "dataSourceName"]
    assert set(rule) == {"-", " "}
    assert first.split() == [JOBS[0]["id"], "Completed", "2024-05-04T12:00:12Z", "1.00:03:13", "True", "12", "=1+1"]
    assert second.split() == ["j2", "say", '"hi",', "vault", "00:00:00"]
    assert first.index("1.00:03:13") + len("1.00:03:13") == second.index("00:00:00") + len("00:00:00")


@pytest.mark.parametrize("width", [20, 60, 80, 120, 300])
def test_a_table_that_does_not_fit_becomes_records_and_loses_nothing(width: int) -> None:
    full = terminal_table(frame(JOBS))
    shown = terminal_table(frame(JOBS), width)
    if max(map(len, full.split("\n"))) <= width:
        assert shown == full
    else:
        assert shown.count("\n\n") == len(JOBS) - 1
        first = [line.split()[0] for line in shown.split("\n\n")[0].split("\n")]
        assert first == full.split("\n")[0].split()
        assert "…" not in shown


@pytest.mark.parametrize("value", [[], None, {}, {"a": None}, {"a": [1]}])
def test_a_table_of_nothing_is_nothing(value: Any) -> None:
    assert terminal_table(frame(value)) == ""


def test_no_control_sequence_reaches_the_terminal() -> None:
    assert terminal_table(frame({"tags": {"x": "a\x1b[31mb\r\nc\ud800"}})).split("\n")[-1] == "a [31mb c"

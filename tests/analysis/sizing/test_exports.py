"""Cost exports of every kind that Azure writes: recognised, read, counted once."""

from __future__ import annotations

import gzip
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas
import pytest

from dpmagic.analysis.sizing.exports import read_exports
from dpmagic.errors import InvalidArgument

SUB = "11111111-1111-4111-8111-111111111111"
SNAPSHOT = f"/subscriptions/{SUB}/resourceGroups/RG/providers/Microsoft.Compute/snapshots/"

# By hand, from the columns that Microsoft documents for each kind.
EA = (
    "SubscriptionId,ResourceGroup,Date,MeterCategory,MeterName,UnitOfMeasure,Quantity,EffectivePrice,"
    "CostInBillingCurrency,ResourceId,ChargeType,BillingCurrencyCode\n"
    f"{SUB},RG,01/31/2026,Storage,LRS Snapshots,1 GB/Month,0.3226,0.05,0.01613,{SNAPSHOT}one,Usage,USD\n"
    f"{SUB},RG,02/01/2026,Storage,LRS Snapshots,1 GB/Month,0.5,0.05,0.025,{SNAPSHOT}one,Usage,USD\n"
    f"{SUB},RG,02/01/2026,Storage,P10 LRS Disk,1/Month,0.0357,19.7,0.7,{SNAPSHOT.replace('snap', 'disk')}d,Usage,USD\n"
    f"{SUB},RG,02/01/2026,Storage,LRS Snapshots,1 GB/Month,9,0.05,0.45,{SNAPSHOT}one,Refund,USD\n"
)
MCA = (
    "invoiceId,billingProfileId,date,meterName,meterCategory,SubscriptionId,ResourceId,quantity,unitOfMeasure,"
    "chargeType,billingCurrency,costInBillingCurrency\n"
    f",p,01/31/2026,LRS Snapshots,Storage,{SUB},{SNAPSHOT}one,0.3226,1 GB/Month,Usage,USD,0.01613\n"
    f",p,02/01/2026,LRS Snapshots,Storage,{SUB},{SNAPSHOT}ONE,0.5,100 GB/Month,Usage,USD,0.025\n"
)
FOCUS = (
    "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ConsumedQuantity,ConsumedUnit,"
    "EffectiveCost,ProviderName,ResourceId,x_SkuMeterName\n"
    f"0.01613,USD,Usage,2026-01-31T00:00:00Z,2026-02-01T00:00:00Z,0.3226,GB/Month,0.01613,Microsoft,{SNAPSHOT}one,s\n"
    f'0.025,USD,Usage,2026-02-01T00:00Z,2026-02-02T00:00:00Z,0.5,"GB/Month",0.025,Microsoft,{SNAPSHOT}one,s\n'
)
# FOCUS 1.2 has SkuMeter in place of x_SkuMeterName.
FOCUS_12 = FOCUS.replace("x_SkuMeterName", "SkuMeter")
# An agreement's file of 2019-10-01: capitals, and InstanceName.
OLD_MCA = (
    "InvoiceID,BillingProfileId,Date,MeterName,InstanceName,Quantity,UnitOfMeasure,ChargeType,BillingCurrencyCode,"
    "CostInBillingCurrency\n"
    f",p,01/31/2026,LRS Snapshots,{SNAPSHOT}one,0.3226,1 GB/Month,Usage,USD,0.01613\n"
    f",p,02/01/2026,LRS Snapshots,{SNAPSHOT}one,0.5,1 GB/Month,Usage,USD,0.025\n"
)
PAYG = (
    "SubscriptionGuid,ResourceGroup,UsageDateTime,MeterCategory,MeterName,UsageQuantity,ResourceRate,PreTaxCost,"
    "InstanceId,Currency,UnitOfMeasure\n"
    f"{SUB},RG,2026-01-31,Storage,LRS Snapshots,0.3226,0.05,0.01613,{SNAPSHOT}one,USD,1 GB/Month\n"
    f"{SUB},RG,2026-02-01,Storage,LRS Snapshots,0.5,0.05,0.025,{SNAPSHOT}ONE,USD,1 GB/Month\n"
)
KINDS = {"ea": EA, "mca": MCA, "focus": FOCUS, "focus12": FOCUS_12, "oldMca": OLD_MCA, "payg": PAYG}


@pytest.mark.parametrize(("name", "content"), KINDS.items())
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".CSV", ".csv.gz"])
def test_each_kind_by_hand(tmp_path: Path, name: str, content: str, suffix: str) -> None:
    file = tmp_path / f"{name}{suffix}"
    if suffix == ".parquet":
        text = tmp_path / "text"
        text.write_text(content)
        pandas.read_csv(text).to_parquet(file)
        text.unlink()
    else:
        written = b"\xef\xbb\xbf" + content.encode()  # as Azure writes it
        file.write_bytes(gzip.compress(written) if suffix.endswith(".gz") else written)
    found = read_exports(tmp_path)
    assert found["id"].to_list() == [f"{SNAPSHOT}one".lower()] * 2
    assert [f"{day:%Y-%m-%d}" for day in found["day"]] == ["2026-01-31", "2026-02-01"]
    # A day's quantity times the days of its month: 31, then 28.
    assert found["usedGiB"].to_list() == pytest.approx([0.3226 * 31, 0.5 * 28])
    assert found["cost"].sum() == pytest.approx(0.04113)
    assert set(found["currency"]) == {"USD"}


def test_a_last_day_that_is_not_whole_is_left_out(tmp_path: Path) -> None:
    lines = EA.splitlines()
    days = {"02/01": 10, "02/02": 10.5, "02/03": 7.9}
    rows = [lines[2].replace("02/01", day).replace(",0.5,", f",{size},") for day, size in days.items()]
    (tmp_path / "x.csv").write_text("\n".join([lines[0], *rows]))
    found = read_exports(tmp_path)
    assert [f"{day:%m/%d}" for day in found["day"]] == ["02/01", "02/02"]
    assert found.attrs["dpmagic"]["notes"] == ["the exports' last day, 2026-02-03, is not whole and left out"]
    (tmp_path / "x.csv").write_text("\n".join([lines[0], *rows]).replace(",7.9,", ",8.5,"))
    assert len(read_exports(tmp_path)) == 3 and read_exports(tmp_path).attrs["dpmagic"]["notes"] == []


def test_month_to_date_files_count_once(tmp_path: Path) -> None:
    lines = EA.splitlines()
    for number, day in enumerate(("01", "02", "03"), 1):
        rows = [lines[2].replace("02/01", f"02/0{one}").replace(",0.5,", f",{one}.5,") for one in range(1, number + 1)]
        run = tmp_path / f"202602{day}" / "run"
        run.mkdir(parents=True)
        # A run in two parts: neither repeats the other.
        (run / "part_0_0001.csv").write_text("\n".join([lines[0], *rows]))
        other = [row.replace("/one", "/two") for row in rows]
        (run / "part_1_0001.csv").write_text("\n".join([lines[0], *other]))
    found = read_exports(tmp_path)
    assert len(found) == 6
    assert found.groupby("day")["usedGiB"].sum().to_list() == pytest.approx([2 * 28 * one for one in (1.5, 2.5, 3.5)])
    assert len(read_exports([tmp_path / "20260203", str(tmp_path / "202602*" / "run" / "*.csv")])) == 6


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("InvoiceSectionName,Date,Quantity,CostInBillingCurrency,MeterName", "EA kind without ResourceId"),
        ("lineItem/UsageAmount,lineItem/ResourceId", "report of AWS"),
        ("Instance ID,Consumed Quantity,ExtendedCost", "retired reporting API"),
        ("UsageDate,Cost,CostUSD,Currency", "portal's cost analysis"),
        ("a,b,c", "no cost export that is known"),
        ("", "no header"),
    ],
)
def test_what_is_refused_by_name(tmp_path: Path, header: str, told: str) -> None:
    (tmp_path / "x.csv").write_text(header + "\n1,2,3\n")
    with pytest.raises(InvalidArgument, match=told) as error:
        read_exports(tmp_path / "x.csv")
    assert error.value.hint


def test_bad_values(tmp_path: Path) -> None:
    for wrong, told in (
        (EA.replace("01/31/2026", "31.01.2026"), "a day that cannot be read: '31.01.2026'"),
        (EA.replace("0.3226", "many"), "a quantity that is no number: 'many' in 1 rows"),
        (EA.replace("0.025,", "0.025,", 1).replace("Usage,USD\n", "Usage,EUR\n", 1), "in EUR and USD"),
        (EA.replace("snapshots", "disks"), "no usage of snapshots"),
        (EA.replace(",USD\n", ",\n", 1), r"the currency \(nothing\) in 1 rows"),
        (EA.replace("1 GB/Month", "1 TB/Month", 1), "sizes by '1 TB/Month' in 1 rows"),
        (EA.replace("1 GB/Month", "", 1), r"sizes by \(nothing\)"),
        (EA.replace(",Usage,", ",,", 1), r"charges of kind \(nothing\)"),
        (EA.replace(",0.5,", ",-0.5,"), "1 sizes are less than nothing"),
        (EA.replace("01/31/2026", "01/02/2026").replace("02/01/2026", "02/02/2026"), "read as one day of 2 months"),
        (EA.replace(",", ";").replace(".", ","), "not separated by commas"),
        ("sep=,\n" + EA, "not separated by commas"),
        (EA.replace("\n", "\n ", 1)[:-20], "cannot be read"),
        ("PK\x03\x04", "no text in UTF-8"),
    ):
        (tmp_path / "x.csv").write_text(wrong)
        with pytest.raises(InvalidArgument, match=told):
            read_exports(tmp_path)
    with pytest.raises(InvalidArgument, match="no export is at"):
        read_exports(tmp_path / "none")
    for broken in (b"no gzip", gzip.compress(EA.encode())[:-30]):
        (tmp_path / "x.csv.gz").write_bytes(broken)
        with pytest.raises(InvalidArgument, match=r"x.csv.gz cannot be read"):
            read_exports(tmp_path / "x.csv.gz")


def test_spellings_that_mean_the_same(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(EA)
    plain = read_exports(tmp_path)
    for other in (
        EA.replace(",", ", ", EA.partition("\n")[0].count(",")),  # spaces in the header
        EA.replace("Usage,USD", "usage,usd", 1),
        EA.replace("LRS Snapshots", "", 1),  # a meter without a name
        EA.replace("1 GB/Month", "1 GB/月", 1),
        EA.replace("1 GB/Month", "10000 GB/Month", 1),  # what is priced together does not scale what was used
        EA.replace("02/01/2026", "2026-02-01"),
        EA.replace("/one,", "/ONE,", 1),
    ):
        (tmp_path / "x.csv").write_text(other)
        pandas.testing.assert_frame_equal(read_exports(tmp_path), plain)


def test_parquet_of_decimals_and_dictionaries(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(EA)
    plain, rows = read_exports(tmp_path / "x.csv"), pandas.read_csv(tmp_path / "x.csv")
    odd = rows.astype({"Quantity": "str", "CostInBillingCurrency": "str", "ResourceId": "category", "Date": "category"})
    numbers = {name: odd[name].map(Decimal) for name in ("Quantity", "CostInBillingCurrency")}
    odd.assign(**numbers).to_parquet(tmp_path / "x.parquet")
    pandas.testing.assert_frame_equal(read_exports(tmp_path / "x.parquet"), plain)


def test_a_correction_has_no_quantity_of_its_own(tmp_path: Path) -> None:
    header, first, second, _ = FOCUS.split("\n")
    taken = second.replace(",0.5,", ",,").replace("0.025", "-0.005")
    (tmp_path / "x.csv").write_text(
        "\n".join([header + ",ChargeClass", first + ",", second + ",", taken + ",Correction"])
    )
    found = read_exports(tmp_path)
    assert found["usedGiB"].to_list() == pytest.approx([0.3226 * 31, 14])
    assert found["cost"].to_list() == pytest.approx([0.01613, 0.02])
    (tmp_path / "x.csv").write_text("\n".join([header, first, taken]))
    with pytest.raises(InvalidArgument, match=r"a quantity that is no number: \(nothing\)"):
        read_exports(tmp_path)


@pytest.mark.parametrize("later", ["0a", "ff"])
def test_a_run_again_counts_and_is_told(tmp_path: Path, later: str) -> None:
    """Folders of runs are named by guids: what was made last is in the manifest."""
    again = EA.replace(",0.5,", ",0.7,")
    for name in ("0a", "ff"):
        _run(tmp_path / name, {"part_0_0001.csv": again if name == later else EA}, 2 if name == later else 1)
    found = read_exports(tmp_path)
    assert found["usedGiB"].to_list() == pytest.approx([0.3226 * 31, 0.7 * 28])
    [note] = found.attrs["dpmagic"]["notes"]
    other = "ff" if later == "0a" else "0a"
    assert note.startswith("1 figures differ between exports that reach equally far")
    assert note.endswith(f": {later}, of 2026-03-02 08:00 UTC, counts, not {other}")


def test_the_last_run_of_an_export_takes_the_place_of_a_longer_one(tmp_path: Path) -> None:
    """It tells of fewer days, as Azure took them back; what the others told of them does not count, and is said."""
    header, *rows = EA.strip().split("\n")
    march = [rows[1].replace("02/01/2026", f"03/0{day}/2026") for day in range(1, 6)]
    known = {"exportConfig": {"exportName": "Daily", "resourceId": "/x/exports/Daily"}}

    def run(folder: str, days: int, on: int, quantity: str, **more: Any) -> None:
        text = "\n".join([header, *march[:days]]).replace(",0.5,", f",{quantity},")
        _run(tmp_path / folder, {"part_0_0001.csv": text}, on, **more)

    run("a", 5, 6, "0.5", **known)
    run("b", 3, 7, "0.4", **known)
    found = read_exports(tmp_path)
    assert found["day"].dt.day.tolist() == [1, 2, 3] and found["usedGiB"].to_list() == pytest.approx([0.4 * 31] * 3)
    assert found.attrs["dpmagic"]["notes"] == [
        "2 figures, up to 2026-03-05, are in earlier runs of an export alone, such as a: its last one, b of 2026-03-07"
        " 08:00 UTC, counts without them"
    ]
    run("c", 5, 8, "0.3", exportConfig={"exportName": "other"})  # of which nothing says that it takes that one's place
    found = read_exports(tmp_path)
    assert found["usedGiB"].to_list() == pytest.approx([0.3 * 31] * 5) and len(found.attrs["dpmagic"]["notes"]) == 1


def test_a_later_file_that_may_be_cut_does_not_count_in_silence(tmp_path: Path) -> None:
    """Without a manifest nothing says whether it is a run again, or a file that was copied in part."""
    header, *rows = EA.strip().split("\n")
    march = [rows[1].replace("02/01/2026", f"03/0{day}/2026") for day in range(1, 6)]
    for number, (name, days, quantity) in enumerate((("whole", 5, "0.5"), ("again", 3, "0.4"))):
        file = tmp_path / f"{name}.csv"
        file.write_text("\n".join([header, *march[:days]]).replace(",0.5,", f",{quantity},"))
        os.utime(file, (1_773_000_000 + number, 1_773_000_000 + number))
    found = read_exports(tmp_path)
    assert found["usedGiB"].to_list() == pytest.approx([0.5 * 31] * 5)
    [note] = found.attrs["dpmagic"]["notes"]
    assert note.startswith(
        "3 figures differ between exports of which the later reaches less far: it may be cut: whole.csv"
    )


def test_an_export_has_to_be_whole(tmp_path: Path) -> None:
    _run(tmp_path / "run", {"one.csv": EA, "two.csv": EA.replace("snapshots/one", "snapshots/two")}, 1)
    assert len(read_exports(tmp_path)) == 4
    (tmp_path / "run" / "two.csv").write_text(EA.partition("\n")[0] + "\n")
    with pytest.raises(InvalidArgument, match=r"two.csv has 160 bytes; its manifest says 1,042"):
        read_exports(tmp_path)
    (tmp_path / "run" / "two.csv").unlink()
    with pytest.raises(InvalidArgument, match=r"two.csv, a part of the export in run, is not there"):
        read_exports(tmp_path)


def _run(folder: Path, files: dict[str, str], day: int, **more: Any) -> None:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    blobs = [{"blobName": f"x/{name}", "byteCount": len(text.encode())} for name, text in files.items()]
    run = {"submittedTime": f"2026-03-0{day}T08:00:00.0000000Z", "startDate": "2026-03-01T00:00:00"}
    told = {"blobs": blobs, "runInfo": run, **more}
    (folder / "manifest.json").write_text(json.dumps(told))


def test_what_exports_say_nothing_of(tmp_path: Path) -> None:
    header, _, row, *_ = EA.split("\n")
    whole = [row.replace("02/01", f"02/0{day}") for day in (1, 2, 4)]
    other = [one.replace(SUB, "s2").replace(",0.5,", ",0.1,") for one in whole[:2]]
    (tmp_path / "x.csv").write_text("\n".join([header, *whole, *other, row.replace("02/01", "02/03")]))
    of = "tells nothing of 1 of 2 subscriptions that the day before has"
    assert read_exports(tmp_path).attrs["dpmagic"]["notes"] == []
    (tmp_path / "x.csv").write_text("\n".join([header, *whole, *other]))
    assert read_exports(tmp_path).attrs["dpmagic"]["notes"] == [
        "the exports tell nothing of 1 days in between, such as 2026-02-03",
        f"the exports' last day, 2026-02-04, {of}",
    ]

"""Charts of failures, posture, controls, gaps and rates: of a few rows, of thousands with odd names, of nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from dpmagic import charts
from dpmagic.charts.style import MOST
from dpmagic.charts.verdicts import _STYLES
from tests.charts.test_lengths import names, told

CONTROLS = ["softDelete", "immutability", "$x^2$ of one's own", "roles"]
VERDICTS = ["pass", "fail", "not applicable", "not verifiable", "excepted"]


def failures(rows: int) -> pandas.DataFrame:
    counts = np.arange(rows, 0, -1)
    made = {
        "errorCode": [
            f"UserErrorDiskBackupDiskOrMSIPermissionsNotPresent{n}" if n % 2 else f"$x_{{{n}}}$" for n in range(rows)
        ],
        "fault": [("user", "service", "unknown")[n % 3] for n in range(rows)],
        "n": counts,
        "cumulative": counts.cumsum() / max(1, counts.sum()),
        **{name: [n % 3 for n in range(rows)] for name in ("instances", "persistent", "open")},
    }
    counted = dict.fromkeys(("n", "instances", "persistent", "open"), "Int64")
    return told(pandas.DataFrame(made).astype({**counted, "errorCode": "str", "fault": "str", "cumulative": "Float64"}))


def posture(rows: int) -> pandas.DataFrame:
    made = [
        {"id": f"/v/{n}", "name": name, "control": control, "verdict": VERDICTS[(n * (place + 1) // 7) % 4]}
        for n, name in enumerate(names(rows))
        for place, control in enumerate(CONTROLS)
    ]
    return told(pandas.DataFrame(made, columns=["id", "name", "control", "verdict"]).astype("str"))


def controls(rows: int) -> pandas.DataFrame:
    made = pandas.DataFrame(
        {
            "control": names(rows),
            "verdict": [VERDICTS[n % 5] for n in range(rows)],
            **{
                name: [n * place % 40 for n in range(rows)]
                for place, name in enumerate(("passed", "failed", "excepted"))
            },
            "notApplicable": [n % 2 for n in range(rows)],
            "notVerifiable": [n % 3 for n in range(rows)],
        }
    )
    made["n"] = made[["passed", "failed", "excepted", "notApplicable", "notVerifiable"]].sum(axis=1)
    return told(made.astype({name: "Int64" for name in made if name not in ("control", "verdict")}))


def gaps(rows: int) -> pandas.DataFrame:
    hours = np.geomspace(1, 400, max(rows, 1))[:rows]
    made = pandas.DataFrame(
        {
            "name": names(rows),
            "rpo": pandas.to_timedelta(np.full(rows, 26.0), unit="h"),
            "maxGap": pandas.to_timedelta(hours, unit="h"),
            "breaches": (hours > 26).astype(int),
            "breachTime": pandas.to_timedelta(np.clip(hours - 26, 0, None), unit="h"),
            "compliance": 1 - np.clip(hours - 26, 0, None) / 500,
            "headCensored": [n % 2 == 0 for n in range(rows)],
        }
    )
    return told(made.astype({"headCensored": "boolean", "breaches": "Int64", "compliance": "Float64"}))


def rates(rows: int) -> pandas.DataFrame:
    rate = np.linspace(0.5, 1, max(rows, 1))[:rows]
    made = {
        "vaultName": names(rows), "vaultId": names(rows), "n": range(1, rows + 1), "succeeded": range(1, rows + 1),
        "failed": range(rows), "rate": rate, "low": rate - 0.1, "high": np.minimum(rate + 0.05, 1),
    }  # fmt: skip
    shares = dict.fromkeys(("rate", "low", "high"), "Float64")
    return told(pandas.DataFrame(made).astype({**shares, **dict.fromkeys(("n", "succeeded", "failed"), "Int64")}))


def by_day(rows: int) -> pandas.DataFrame:
    days = pandas.date_range("2026-01-01", periods=rows, freq="h", tz="UTC")
    return told(rates(rows).assign(day=days)[["day", "n", "succeeded", "failed", "rate", "low", "high"]])


DRAWN: list[tuple[Callable[..., Axes], Callable[[int], pandas.DataFrame]]] = [
    (charts.failures, failures),
    (charts.posture, posture),
    (charts.controls, controls),
    (charts.rpo_gaps, gaps),
    (charts.success_rate, rates),
    (charts.success_rate, by_day),
]


def test_months_stand_in_their_order() -> None:
    months = pandas.date_range("2026-03-01", periods=4, freq="MS", tz="UTC")
    frame = rates(4).assign(month=months)[["month", "n", "succeeded", "failed", "rate", "low", "high"]]
    drawn = charts.success_rate(told(frame))
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["2026-03", "2026-04", "2026-05", "2026-06"]
    assert drawn.get_ylabel() == "month (UTC)"


def texts(drawn: Axes) -> list[str]:
    return [" ".join(text.get_text().split()) for text in drawn.texts]


def luminance(colour: str) -> float:
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return float(np.dot(parts, [0.2126, 0.7152, 0.0722]))


def test_verdicts_are_apart_without_colours() -> None:
    assert len({mark for _, mark, _ in _STYLES.values()}) == len(_STYLES)
    dark, light = luminance(_STYLES["fail"][0]), luminance(_STYLES["pass"][0])
    assert (light + 0.05) / (dark + 0.05) > 2, "in grey, on paper, what fails is darker by far"


def test_a_grid_has_a_mark_for_each_verdict_and_counts_what_passes() -> None:
    frame = posture(5)
    drawn = charts.posture(frame)
    marks = [text for text in texts(drawn) if len(text) == 1]
    assert sorted(marks) == sorted(_STYLES[verdict][1] for verdict in frame["verdict"])
    for control, mine in frame.groupby("control", sort=False):
        known = mine["verdict"].isin(["pass", "fail"]).sum()
        assert f"{(mine['verdict'] == 'pass').sum()}/{known}" in texts(drawn) or not known, control


def test_many_vaults_that_are_alike_share_a_row_and_none_is_lost() -> None:
    frame = posture(500)
    drawn = charts.posture(frame)
    labels = [label.get_text() for label in drawn.get_yticklabels()][1:]
    [others] = [int(label.split()[0]) for label in labels if "others" in label] or [0]
    alike = [int(label.split(" and ")[1].split()[0]) for label in labels if label.endswith("alike")]
    single = [label for label in labels if not label.endswith(("alike", "others, pass of known"))]
    assert sum(alike) + len(alike) + len(single) + others == 500 and len(labels) <= MOST + 1
    assert len(charts.posture(frame.assign(verdict="pass")).get_yticklabels()) == 2


def test_codes_beyond_twenty_are_one_bar() -> None:
    frame = failures(50)
    drawn = charts.failures(frame)
    labels = [label.get_text() for label in drawn.get_yticklabels()]
    assert len(labels) == 20 and labels[-1] == "31 other codes"
    assert f"{frame['n'].iloc[19:].sum():,}" in texts(drawn)
    lengths = sum(patch.get_width() for patch in drawn.patches)  # type: ignore[attr-defined]
    assert lengths == frame["n"].sum()


def test_gaps_within_and_beyond_have_other_marks() -> None:
    drawn = charts.rpo_gaps(gaps(5))
    shapes = {line.get_marker() for line in drawn.lines}
    assert {"D", "o", "|"} <= shapes
    assert any("2 of 5 instances had a gap that was too long" in text for text in texts(drawn))

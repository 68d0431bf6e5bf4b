"""Questions that cannot be meant so: one line that says what is wrong, or an answer that is not led astray by it."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pandas
import pytest

import dpmagic
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from dpmagic.sandbox import Sandbox
from tests.analysis.test_every_analysis import SPEC, opened
from tests.wire import Wire

RULE = {"it": {"kind": "rpo", "atMost": "24h"}}
DAYS = pandas.DataFrame({"day": pandas.date_range("2026-01-01", periods=3, tz="UTC"), "usedGiB": [1.0, 2.0, 4.0]})
NEXT_YEAR = ("2027-01-01", "2027-02-01")


@pytest.fixture(scope="module")
def estate() -> Estate:
    return opened(Wire(Sandbox(estate=SPEC)))


@pytest.fixture(scope="module")
def tables(estate: Estate) -> dict[str, pandas.DataFrame]:
    names = ("jobs", "instances", "policies", "disks", "snapshots", "vaults", "subscriptions")
    return {name: estate.table(name) for name in names}


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda at: dpmagic.durations(at, by=3), "jobs are not grouped by 3 | give a name"),
        (lambda at: dpmagic.success_rate(at, by=None), "jobs are not grouped by None | give a name"),
        (lambda at: dpmagic.coverage(at, by=5), "disks are not grouped by 5 | give a name"),
        (
            lambda at: dpmagic.durations(at, category="Backups"),
            "no job is of category 'Backups' | did you mean Backup?",
        ),
        (lambda at: dpmagic.durations(at, category="Backups", method="buckets"), "did you mean Backup?"),
        (lambda at: dpmagic.durations(at, over=NEXT_YEAR), "the window begins at 2027-01-01T00:00:00Z, and it is 2026"),
        (lambda at: dpmagic.coverage(at.over(NEXT_YEAR)), "| name an earlier window"),
        (lambda at: dpmagic.rpo(at.over(NEXT_YEAR)), "| name an earlier window"),
        (lambda at: dpmagic.rpo(at, timedelta(hours=-6)), "is less than no time | write 24h"),
        (lambda at: dpmagic.retention(at, grace=timedelta(hours=-6)), "is less than no time | write 24h"),
        (lambda at: dpmagic.snapshot_headroom(at, limit="500"), "limit is '500' | give a whole number"),
        (lambda at: dpmagic.snapshot_headroom(at, policy_limit=0), "policy_limit is 0 | give a whole number"),
        (lambda at: dpmagic.findings(at, "gaps"), "there are no findings of kind 'gaps' | did you mean gap?"),
        (lambda at: dpmagic.findings(at, []), "no kind of findings is asked for | of gap, failure"),
        (lambda at: dpmagic.coverage_calendar(at, by=["vault"]), "the calendar is not by ['vault'] | "),
        (lambda at: dpmagic.coverage(at, exclude=[{"id": "x"}]), "'x' is no id | write it whole"),
        (
            lambda at: dpmagic.expected_points(at.policies().iloc[0], "7d"),
            "'7d' is no window of two instants",
        ),
        (lambda at: dpmagic.expected_points(at.policies().iloc[0], 7), "7 is no window of two instants"),
        (lambda at: dpmagic.controls(at, 3), "3 is no file of controls | write `daily: {kind: rpo"),
        (lambda at: dpmagic.posture(at, 3), "3 is no baseline | give a mapping, or"),
        (lambda at: dpmagic.durations(at, category=3), "the category is 3 | give its name, such as 'Backup'"),
        (lambda at: dpmagic.long_running(at, category=[]), "the category is [] | give its name"),
        (lambda at: dpmagic.coverage_gaps(at, owner=3), "the tag of owners is 3 | give its name, such as 'owner'"),
        (lambda at: dpmagic.findings(at, owner=3), "the tag of owners is 3 | give its name"),
        (lambda at: dpmagic.rpo(at, tag=3), "the tag is 3 | give its name, such as 'rpo'"),
        (lambda at: dpmagic.forecast(3), "int is no frame of days | give what dpmagic.stored gives"),
        (lambda at: dpmagic.forecast(DAYS, days="x"), "days is 'x' | give a whole number of days"),
        (lambda at: dpmagic.forecast(DAYS.astype("str")), "day and usedGiB are str and str | give instants and"),
        (lambda at: dpmagic.duration_outliers(at, limit=[]), "limit is [] | give a number above 0, such as 3.5"),
        (lambda at: dpmagic.duration_trend(at, alpha=2), "alpha is 2 | give a number above 0 and at most 1"),
        (lambda at: dpmagic.simulate(at, limit="x"), "limit is 'x' | give a whole number of snapshots"),
        (lambda at: dpmagic.controls(at, members=dpmagic.rpo(at)), "members are not those of these controls | give"),
        (
            lambda at: dpmagic.controls(at, RULE, members=dpmagic.control_members(at, {"it": {"kind": "coverage"}})),
            "members are not those of these controls | give what dpmagic.control_members",
        ),
        (lambda at: dpmagic.compare(3), "3 is no archive | name the folder"),
        (lambda at: dpmagic.markdown(3), "not one of compare's | give"),
        (lambda at: dpmagic.read_exports([3]), "3 is no export | name a .csv"),
        (lambda at: dpmagic.report(at, 3), "3 is no folder | name a folder"),
        (lambda at: dpmagic.report(at, worst="1"), "there is no severity '1' | 1 is the worst"),
        (lambda at: at.plan(None), "None is no question | give a function"),
    ],
)
def test_one_line_says_what_is_wrong(estate: Estate, ask: Any, said: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        ask(estate)
    told = f"{caught.value.message} | {caught.value.hint}"
    assert said in told and "\n" not in told


def test_one_kind_of_findings_needs_no_list(estate: Estate) -> None:
    assert set(dpmagic.findings(estate, "gap")["kind"]) == {"gap"}


def test_what_lies_ahead_is_no_breach(estate: Estate) -> None:
    """A window may end after now, and nothing can have been backed up since."""
    now = dpmagic.rpo(estate.over((estate.window.start, estate.now + timedelta.resolution)))
    ahead = dpmagic.rpo(estate.over((estate.window.start, estate.now + timedelta(days=30))))
    pandas.testing.assert_frame_equal(ahead, now)


def test_a_tag_that_is_no_span_says_nothing(tables: dict[str, pandas.DataFrame]) -> None:
    tagged = {"RPO": "gold"}
    disks = tables["disks"]
    both = disks[["name", "tags"]].itertuples(index=False)
    odd = disks.assign(tags=[tagged if name == "late" else tags for name, tags in both])
    found, plain = dpmagic.rpo(tables | {"disks": odd}), dpmagic.rpo(tables)
    pandas.testing.assert_frame_equal(found, plain)
    note = "the tag rpo of 1 disks is no span of time and says nothing, such as 'gold' of late"
    assert note in found.attrs["dpmagic"]["notes"]
    assert note in dpmagic.coverage(tables | {"disks": odd}).attrs["dpmagic"]["notes"]


def test_names_that_nobody_has_are_noted(estate: Estate) -> None:
    found = dpmagic.rpo(estate, {"ofter": "8h", "often": "9h"})
    assert "nothing here has these names of rpo: ofter" in found.attrs["dpmagic"]["notes"]
    assert set(found.loc[found["policyName"] == "often", "rpo"]) == {pandas.Timedelta("9h")}
    found = dpmagic.coverage(estate, by="tags.nosuch")
    assert found.attrs["dpmagic"]["notes"][0].startswith("no disk has the tag nosuch")


def test_a_tag_to_exclude_may_be_spelled_as_in_a_text(tables: dict[str, pandas.DataFrame]) -> None:
    disks = tables["disks"]
    disks = disks.assign(tags=[{"env": "dev" if name.startswith("l") else "prod"} for name in disks["name"]])
    spellings = ("tags.env=dev", {"tag": "env=dev"}, {"tag": "tags.env", "value": "dev"})
    found = [dpmagic.coverage(tables | {"disks": disks}, exclude=how) for how in spellings]
    assert [one["excluded"].sum() for one in found] == [disks["name"].str.startswith("l").sum()] * 3


def test_tables_that_end_before_now_miss_no_runs(estate: Estate, tables: dict[str, pandas.DataFrame]) -> None:
    """The jobs of a window of whole days end at midnight: what was due since then is not missed."""
    live, found = dpmagic.triage(estate), dpmagic.triage(tables)
    assert found["id"].tolist() == live["id"].tolist()
    assert found.attrs["dpmagic"]["notes"][0].startswith("jobs are there up to 2026-03-31T00:00:00Z only")


def test_a_table_may_have_been_to_a_csv_file(tables: dict[str, pandas.DataFrame]) -> None:
    plain = tables["jobs"].copy()
    plain.attrs = {}  # a file does not say when it was read
    back = pandas.read_csv(StringIO(plain.to_csv(index=False)))
    pandas.testing.assert_frame_equal(dpmagic.durations(back), dpmagic.durations(plain))

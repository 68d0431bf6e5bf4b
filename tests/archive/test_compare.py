"""Two looks at an estate: what was put wrong, and put right, between them, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pandas
import pytest

import dpmagic
from dpmagic.archive.collect import collect
from dpmagic.archive.compare import compare
from dpmagic.archive.telling import page
from dpmagic.errors import InvalidArgument
from dpmagic.estate.columns import tables as known_tables
from dpmagic.estate.estate import Estate
from dpmagic.estate.window import Window
from dpmagic.sandbox.mishaps import Mishap, Mishaps
from dpmagic.shell import main
from dpmagic.shell.archive import NEWS
from tests.archive.conftest import SPEC


@pytest.fixture(scope="module")
def found(archive: Path) -> pandas.DataFrame:
    made: pandas.DataFrame = compare(archive)
    return made


def named(found: pandas.DataFrame, change: str) -> set[tuple[str, str, str]]:
    rows = found[found["change"] == change]
    return {(row.kind, row.name[:5], row.reason) for row in rows.itertuples(index=False)}


def test_exactly_what_was_planted_between_the_looks(found: pandas.DataFrame) -> None:
    assert named(found, "new") == {
        ("failure", "d-003", "failed"),
        ("gap", "d-004", "stopped"),
        ("orphanInstance", "d-006", "orphan"),
        ("failure", "d-006", "failed"),
        ("posture", "v", "softDelete"),
        ("failure", "d-008", "failed"),
    }
    assert named(found, "fixed") == {("failure", "d-001", "failed"), ("failure", "d-008", "failed")}
    assert named(found, "changed") == {
        ("vault", "v", "softDeleteState"),
        ("instance", "d-004", "currentProtectionState"),
        ("instance", "d-005", "policyId"),
    }
    gone = {("gap", "free-", "never configured"), ("failure", "d-002", "failed")}
    assert gone <= named(found, "open")
    assert ("failure", "d-007", "missed") not in named(found, "open")


def test_since_when_and_how_long(found: pandas.DataFrame) -> None:
    [stopped] = [row for row in found.to_dict("records") if row["reason"] == "stopped"]
    assert stopped["lasted"] == pandas.Timestamp(found.attrs["dpmagic"]["to"]) - stopped["since"]
    assert (stopped["sinceIs"], stopped["atMost"], stopped["atLeast"]) == ("after", True, False)
    [other] = [row for row in found.to_dict("records") if row["reason"] == "softDelete"]
    assert pandas.isna(other["since"]) and pandas.isna(other["sinceIs"]) and pandas.isna(other["lasted"])
    [soft] = found[found["kind"] == "vault"].to_dict("records")
    assert (soft["before"], soft["after"]) == ("On", "Off")
    fixed, anew = found[(found["change"] == "fixed")].to_dict("records")
    assert (fixed["name"], anew["name"], anew["sinceIs"], anew["atLeast"]) == ("d-001", "d-008", "at", True)
    [again] = found[(found["change"] == "new") & (found["id"] == anew["id"])].to_dict("records")
    assert again["since"] > pandas.Timestamp(found.attrs["dpmagic"]["from"]) > anew["since"]
    assert (fixed["sinceIs"], fixed["atLeast"], fixed["atMost"]) == ("at", True, False)
    assert fixed["owner"] == "dba|<b>"
    known = found[found["since"].notna()]
    assert known["sinceIs"].notna().all() and known["lasted"].notna().all()
    there = known[known["change"] != "fixed"]
    assert (there["atMost"] == there["sinceIs"].eq("after")).all()


def test_what_nobody_knows_the_beginning_of_was_there_at_the_earlier_look(found: pandas.DataFrame) -> None:
    told = found.attrs["dpmagic"]
    rows = found[(found["change"] == "open") & (found["kind"] == "posture")]
    assert len(rows) and (rows["since"] == pandas.Timestamp(told["from"])).all()
    length = pandas.Timestamp(told["to"]) - pandas.Timestamp(told["from"])
    assert (rows["sinceIs"].eq("before") & rows["atLeast"] & (rows["lasted"] == length)).all()


@pytest.mark.parametrize(
    ("since", "lasted", "text"),
    [
        ("at", "19h29min", "19 h"), ("after", "19h29min", "at most 20 h"), ("before", "19h29min", "at least 19 h"),
        ("before", "19h55min", "at least 19 h"), ("at", "83h", "3 days"), ("after", "83h", "at most 4 days"),
        ("before", "95h", "at least 3 days"), ("at", "20min", "less than an hour"),
        ("after", "20min", "less than an hour"), ("before", "20min", "some time"),
    ],
)  # fmt: skip
def test_a_bound_stays_one_in_words(found: pandas.DataFrame, since: str, lasted: str, text: str) -> None:
    one = found[found["reason"] == "stopped"].assign(
        sinceIs=since, lasted=pandas.Timedelta(lasted), atLeast=since == "before", atMost=since == "after"
    )
    one.attrs = found.attrs
    assert f", for {text}; owner" in dpmagic.markdown(one)
    cell = {"at": "", "after": "after ", "before": "before "}[since]
    assert f"<td>{cell}{one['since'].iloc[0]:%Y-%m-%d %H:%M}Z</td><td>{text}</td>" in page(one)


def test_as_text_that_people_read(found: pandas.DataFrame) -> None:
    told = dpmagic.markdown(found)
    assert told.startswith("### Backups from 2026-03-02 08:00Z to 2026-03-03 08:00Z")
    assert "**6 new** · **2 fixed** · **3 changed**" in told
    assert "owner dba\\|\\<b\\>" in told
    assert "softDeleteState, from On to Off" in told
    whole = page(found)
    assert "dba|&lt;b&gt;" in whole and "<b>" not in whole
    assert "http" not in whole.replace("https://aka.ms", "")


def test_long_values_are_told_from_where_they_part(found: pandas.DataFrame) -> None:
    told = dpmagic.markdown(found)
    assert "policyId, from p to q" in told
    rules = found.copy()
    moved = rules["reason"] == "policyId"
    for name, keep in (("before", "P7D"), ("after", "P9D")):
        rules.loc[moved, name] = (
            f'[{{"lifecycles": [{{"deleteAfter": {{"objectType": "Absolute", "duration": "{keep}"}}}}]}}]'
        )
    rules.attrs = found.attrs
    assert 'from ..."duration": "P7D"}}\\]}\\] to ..."duration": "P9D"' in dpmagic.markdown(rules)
    rules.loc[moved, ["before", "after"]] = ["x" * 90, None]
    rules.attrs = found.attrs
    assert f"from {'x' * 57}... to nothing" in dpmagic.markdown(rules)


def test_no_name_turns_what_follows_it_around(found: pandas.DataFrame) -> None:
    named = found.assign(name="a\u202eb$x$&lt;")
    named.attrs = found.attrs
    assert "**ab\\$x\\$\\&lt;**" in dpmagic.markdown(named)


def test_the_page_has_all_of_each(found: pandas.DataFrame) -> None:
    whole = page(found)
    [row] = found[found["reason"] == "policyId"].to_dict("records")
    assert f"<small>{row['id']}</small>" in whole
    assert f"from {row['before']} to {row['after']}" in whole
    assert "width=device-width" in whole


def test_notes_are_lines_of_their_own(found: pandas.DataFrame) -> None:
    noted = found.copy()
    noted.attrs = {"dpmagic": found.attrs["dpmagic"] | {"notes": ["one", "another"]}}
    assert "open**\n\n_one_\n\n_another_\n\n**New**" in dpmagic.markdown(noted)


def test_another_frame_is_no_comparison(found: pandas.DataFrame) -> None:
    with pytest.raises(InvalidArgument, match="the frame is not one of compare's"):
        dpmagic.markdown(pandas.DataFrame(found))


def test_in_a_shell(archive: Path) -> None:
    for form in ("markdown", "json", "html"):
        out = StringIO()
        with redirect_stdout(out):
            assert main(["compare", str(archive), "--from", "1d", "-o", form]) == NEWS
        if form == "json":
            told = json.loads(out.getvalue())
            assert told["counts"]["new"] == 6
            assert {row["change"] for row in told["changes"]} == {"new", "fixed", "changed", "open"}


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("now", "now", "is no time"),
        ("2020-01-01", "now", "begins at 2026-03-02"),
        ("3w", "now", "begins at 2026-03-02 08:00:00Z, after 2026-02-10"),
        ("soon", "now", "'soon' is not an instant"),
        ("yestreday", "now", "'yestreday' is not an instant"),
    ],
)
def test_times_that_are_none(archive: Path, start: str, end: str, told: str) -> None:
    with pytest.raises(InvalidArgument, match=told) as error:
        compare(archive, start, end)
    assert error.value.hint


@pytest.mark.parametrize("word", ["monday", "last monday", "7 days", "", "-7d", "03/02/2026", "yestreday"])
def test_a_word_that_is_no_instant_is_told_what_is(archive: Path, word: str) -> None:
    with pytest.raises(InvalidArgument, match="is not an instant") as error:
        compare(archive, word)
    named = ("2026-03-02 ", "2026-03-02T09:00Z", "36h", "7d", "2w", "yesterday", "now")
    assert all(one in error.value.hint for one in named)
    assert error.value.hint.startswith("did you mean yesterday?") == (word == "yestreday")


def test_a_night_is_the_run_nearest_to_it(archive: Path, tmp_path: Path) -> None:
    """A scheduler starts a run some seconds later on one day than on the next."""
    looks = [datetime(2026, 3, day, 6, 15, second, tzinfo=UTC) for day, second in ((1, 20), (2, 9), (3, 2))]
    source = dpmagic.open(archive)
    for look in looks:
        tables = {name: source.table(name) for name in known_tables() if source.has(name)}
        collect(Estate.of(tables, now=look, window=Window(look - timedelta(days=14), look)), tmp_path / "nights")
    for start, want in (("yesterday", looks[1]), ("2d", looks[0]), ("24h", looks[1])):
        assert compare(tmp_path / "nights", start).attrs["dpmagic"]["from"] == want.isoformat()
    with pytest.raises(InvalidArgument, match="begins at"):
        compare(tmp_path / "nights", "3d")


@pytest.fixture(scope="module")
def nights(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Estate]:
    """Both looks, and two days on, of which one has no run and the other one that reads jobs only; and the estate."""
    folder = tmp_path_factory.mktemp("nights") / "archive"
    shutil.copytree(archive, folder)
    connection = dpmagic.connect_sandbox(estate=str(archive.parent / "estate.yaml"))
    connection.sandbox.advance("3d")
    collect(dpmagic.open(), folder, only=["jobs"])
    return folder, dpmagic.open()


def test_an_instant_without_a_run_is_what_the_run_before_it_saw(archive: Path, nights: tuple[Path, Estate]) -> None:
    """A night was missed: jobs of that day, and no snapshot of theirs, are no points lost and found again."""
    folder, _ = nights
    told = compare(folder, "yesterday").attrs["dpmagic"]
    assert told["from"] == compare(archive).attrs["dpmagic"]["to"]
    assert told["counts"]["fixed"] + told["counts"]["new"] < 5
    for start, end in (("2026-03-02T08:00Z", "2026-03-02T20:00Z"), ("2026-03-04", "2026-03-05")):
        with pytest.raises(InvalidArgument, match="the last run until") as error:
            compare(folder, start, end)
        assert "archive runs" in error.value.hint


def test_what_was_last_read_days_before_is_no_fault_of_since_then(nights: tuple[Path, Estate]) -> None:
    folder, live = nights
    old = dpmagic.open(folder)
    now, then = (estate.seen("snapshots") for estate in (live, old))
    assert (now, then.day) == (live.now, 3) and old.seen("jobs") == old.now
    points = dpmagic.latest_points(old)
    late = points[points["evidence"] == "job"]
    assert len(late) >= 3 and (late["latestPoint"] > pandas.Timestamp(then)).all() and not late["observed"].any()
    # One reads at 2026-03-05T08:00Z what jobs say, the other the snapshots too: they agree on who is in trouble.
    assert set(dpmagic.triage(old)["id"]) == set(dpmagic.triage(live)["id"])
    late, seen = (dpmagic.rpo(estate).set_index("id")["status"].to_dict() for estate in (old, live))
    assert late == seen
    kept = dpmagic.retention_points(old)
    assert not kept["status"].isin(("missing", "surplus")).any()
    assert any("as of 2026-03-03 08:00 UTC" in note for note in kept.attrs["dpmagic"]["notes"])
    assert dpmagic.orphan_snapshots(old)["reason"].ne("pastExpiry").all()


def test_the_instants_of_what_is_kept_are_kept(nights: tuple[Path, Estate], tmp_path: Path) -> None:
    old = dpmagic.open(nights[0])
    names = ["subscriptions", "vaults", "policies", "instances", "disks", "snapshots", "jobs"]
    saved = dpmagic.open(old.save(tmp_path / "saved", names))
    given = Estate.of({name: old.table(name) for name in names}, now=old.now)
    assert saved.seen("snapshots") == given.seen("snapshots") == old.seen("snapshots") < saved.now


@pytest.mark.parametrize("given", ["99999999w", pandas.DataFrame(), datetime(2026, 3, 2), 3])
def test_times_of_other_kinds_are_none_either(archive: Path, given: object) -> None:
    for start, end in ((given, "now"), ("2026-03-02", given)):
        with pytest.raises(InvalidArgument) as error:
            compare(archive, start, end)
        assert error.value.hint


def refused(folder: Path, text: str, looks: Collection[int]) -> pandas.DataFrame:
    """What is compared of both looks, at some of which Azure refuses queries with this text."""
    few = SPEC | {"days": 2, "plant": [one for one in SPEC["plant"] if one["disks"] in ("d-002", "d-004")]}
    connection = dpmagic.connect_sandbox(estate=few)
    for look in (0, 1):
        connection.sandbox.advance(f"{look}d")
        connection.sandbox.mishaps = Mishaps([Mishap("forbidden", text=text)] if look in looks else [])
        told = collect(dpmagic.open(), folder, recovery_points=False)
        assert told["missing"].notna().any() == (look in looks)
    made: pandas.DataFrame = compare(folder)
    return made


def test_without_jobs_the_rest_is_compared(tmp_path: Path) -> None:
    found = refused(tmp_path, "backupjobs", (0, 1))
    assert set(found["kind"]) == {"instance", "posture"}
    (note,) = found.attrs["dpmagic"]["uncompared"]
    assert note.startswith("findings of kind gap, failure, orphanInstance, retention, orphanSnapshots are not compared")
    assert "the table jobs could not be read: AuthorizationFailed" in note


def test_what_the_later_look_could_not_read_is_no_fault_of_since_then(tmp_path: Path) -> None:
    """Runs that were due while nobody could see jobs are not missed, and the text says that nobody saw them."""
    found = refused(tmp_path, "backupjobs", (1,))
    assert not found["reason"].eq("missed").any() and named(found, "open") >= {("failure", "d-002", "failed")}
    assert found.attrs["dpmagic"]["notes"][0].startswith("no run saw the jobs from 2026-03-02T08:00:00Z to 2026-03-03T")


def test_without_instances_vaults_are_compared(tmp_path: Path) -> None:
    found = refused(tmp_path, "backupinstances'|resourcecontainers", (0, 1))
    assert found.empty and len(found.attrs["dpmagic"]["uncompared"]) == 1
    assert "headroom are not compared: the table instances could not be read" in found.attrs["dpmagic"]["uncompared"][0]
    found = refused(tmp_path / "later", "backupinstances'", (1,))
    assert found.attrs["dpmagic"]["notes"][-1] == (
        "at 2026-03-03 08:00Z instances are as of 2026-03-02 08:00Z, when last read"
    )

"""Tables read together: as they are one by one, at once as far as the quota goes, each for itself where one fails."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest

from dpmagic.errors import AzureError, ConnectionFailed, IncompleteAnswer, InvalidArgument
from dpmagic.estate import Estate
from dpmagic.estate.columns import table, tables
from dpmagic.estate.excerpts import EVENTS
from dpmagic.estate.opening import open_live
from dpmagic.estate.reading import Wanted, ahead, each
from dpmagic.estate.saved import save
from dpmagic.graph import paging
from dpmagic.sandbox import Mishap, Mishaps, Sandbox
from tests.archive.conftest import SPEC
from tests.canned import Heard
from tests.estate.test_arm_tables import answer, opened
from tests.wire import Wire, nothing

NAMES = [name for name in tables() if name != "recovery_points"]


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire(Sandbox(estate=SPEC))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def estate(wire: Wire, heard: Heard) -> Iterator[Estate]:
    made = open_live(wire.connection(), observer=heard)
    wire.sent.clear()
    yield made
    wire.before, wire.sandbox.mishaps = nothing, Mishaps()


def goes_wrong(wire: Wire, *mishaps: Mishap) -> list[tuple[str, str]]:
    wire.sandbox.mishaps = Mishaps(mishaps)
    return wire.sandbox.mishaps.happened


def whole(estate: Estate, *names: str) -> list[Wanted]:
    return [Wanted(name, estate.window) for name in names]


def queries(wire: Wire) -> int:
    return sum("Microsoft.ResourceGraph" in url for _, url in wire.sent)


def test_they_are_as_they_are_one_by_one(estate: Estate, wire: Wire, tmp_path: Path) -> None:
    apart = Estate(estate.source, estate.now, estate.window)
    before = {
        name: apart.excerpt(EVENTS, table(name).columns) if name == "changes" else apart.table(name) for name in NAMES
    }
    one_by_one = queries(wire)
    wire.sent.clear()
    over = Estate(estate.source, estate.now, estate.over((estate.window.start, estate.now)).window)
    loaded = Estate.load(save(over, tmp_path / "saved", NAMES, excerpts=[EVENTS]))
    assert list(json.loads((tmp_path / "saved" / "estate.json").read_bytes())["tables"]) == NAMES
    # The ids of deleted instances' vaults come with the vaults.
    assert queries(wire) == one_by_one - 1
    for name in NAMES:
        found = loaded.over(estate.window).table(name)
        pandas.testing.assert_frame_equal(found, before[name])
        said = {**found.attrs["dpmagic"], "kql": ""}
        assert said == {**before[name].attrs["dpmagic"], "kql": ""}, name
        if not table(name).time:
            assert found.attrs["dpmagic"]["kql"] == before[name].attrs["dpmagic"]["kql"]
    assert not over.kept.find("changes", over.window, None), "an excerpt is not the table"


def test_they_are_asked_for_at_once(estate: Estate, wire: Wire) -> None:
    met, lock, waiting = threading.Event(), threading.Lock(), [0]

    def wait_for_others(request: Any) -> None:
        """Until four are under way; the first goes ahead alone, for nobody knows the quota before."""
        with lock:
            waiting[0] += 1
            if waiting[0] > 4:
                met.set()
        if waiting[0] > 1:
            met.wait(10)

    wire.before = wait_for_others
    found = dict(each(estate, whole(estate, "vaults", "policies", "instances", "disks", "exemptions")))
    assert met.is_set() and sorted(found) == [0, 1, 2, 3, 4]


def test_what_is_at_hand_is_not_read_again(estate: Estate, wire: Wire) -> None:
    estate.vaults(), estate.jobs()
    wire.sent.clear()
    assert not ahead(estate, whole(estate, "vaults", "policies", "jobs", "disks"))
    assert queries(wire) == 2
    assert not ahead(estate, whole(estate.over("7d"), "jobs", "disks"))
    estate.disks(), estate.policies(), estate.over("7d").jobs()
    assert queries(wire) == 2


def test_some_columns_are_asked_for_and_more_later(estate: Estate, wire: Wire) -> None:
    some = [Wanted("disks", estate.window, frozenset({"id", "tags"})), Wanted("jobs", estate.window, frozenset({"id"}))]
    first, second = (found for _, found in sorted(each(estate, some), key=lambda one: one[0]))
    assert isinstance(first, pandas.DataFrame) and list(first) == ["id", "tags"]
    assert isinstance(second, pandas.DataFrame) and list(second) == ["id"]
    assert list(estate.kept.of("jobs")[0].rows) == ["id", "subscriptionId", "startTime"]
    wire.sent.clear()
    assert len(estate.jobs()) == len(second) and list(estate.jobs()) == list(table("jobs").columns)
    assert queries(wire) == 1


def test_no_query_is_refused_for_its_quota(wire: Wire, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGE", 40)
    statuses: Counter[int] = Counter()
    send = wire.send

    def counted(request: Any, **options: Any) -> Any:
        response = send(request, **options)
        statuses[response.status_code] += 1
        return response

    monkeypatch.setattr(wire, "send", counted)
    begun = estate.source.connection.now()  # type: ignore[attr-defined]
    assert not ahead(estate, whole(estate, *NAMES))
    assert set(statuses) == {200} and queries(wire) > 40
    seconds = (estate.source.connection.now() - begun).total_seconds()  # type: ignore[attr-defined]
    assert 5 * (queries(wire) // 15 - 1) <= seconds <= 5 * (queries(wire) // 15 + 1)


@pytest.mark.parametrize("kind", ["throttled", "throttled-silently", "503", "reset", "truncated"])
def test_rows_are_exact_in_a_storm(estate: Estate, wire: Wire, kind: str) -> None:
    names = ["vaults", "policies", "instances", "role_assignments", "disks", "deleted_instances"]
    alone = {name: Estate(estate.source, estate.now, estate.window).table(name) for name in names}
    happened = goes_wrong(wire, Mishap(kind, where="POST", times=4))
    assert not ahead(estate, whole(estate, *names))
    assert happened
    goes_wrong(wire)
    for name in names:
        pandas.testing.assert_frame_equal(estate.table(name), alone[name])
        assert estate.table(name).attrs == alone[name].attrs


def test_one_that_moves_is_settled_and_the_others_are_not_asked_again(
    estate: Estate, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "PAGE", 100)
    names = ["jobs", "snapshots", "disks"]
    alone = Estate(estate.source, estate.now, estate.window).jobs()
    goes_wrong(wire, Mishap("row-came", text="backupjobs", skip=1, times=1))
    assert not ahead(estate, whole(estate, *names))
    goes_wrong(wire)
    pandas.testing.assert_frame_equal(estate.jobs(), alone)
    notes = {name: estate.table(name).attrs["dpmagic"]["notes"] for name in names}
    assert [note.split(":")[0] for note in notes["jobs"] if "read 2 times" in note] == [
        "rows changed while they were read"
    ]
    assert not any("changed" in note for name in names[1:] for note in notes[name])


def test_a_refused_table_is_said_and_the_others_are_kept(estate: Estate, wire: Wire, tmp_path: Path) -> None:
    goes_wrong(wire, Mishap("forbidden", text="backupjobs|policyexemptions"))
    loaded = Estate.load(estate.save(tmp_path / "saved", NAMES, partial=True, keep=False))
    assert list(loaded.source.refused) == ["jobs", "exemptions"] and not estate.kept.tables
    assert all("AuthorizationFailed" in why for why in loaded.source.refused.values())
    assert all(loaded.has(name) for name in NAMES if name not in ("jobs", "exemptions"))
    with pytest.raises(AzureError) as all_of_them:
        estate.save(tmp_path / "none", ["exemptions", "jobs"], partial=True)
    with pytest.raises(AzureError) as alone:
        estate.exemptions()
    assert all_of_them.value.lines()[0] == alone.value.lines()[0]


@pytest.mark.parametrize(
    "order", [["vaults", "jobs", "exemptions", "disks"], ["disks", "exemptions", "vaults", "jobs"]]
)
def test_without_partial_the_first_that_is_refused_is_the_error(
    estate: Estate, wire: Wire, tmp_path: Path, order: list[str]
) -> None:
    goes_wrong(wire, Mishap("forbidden", text="backupjobs"), Mishap("500", text="policyexemptions"))
    first = next(name for name in order if name in ("jobs", "exemptions"))
    with pytest.raises(AzureError) as alone:
        estate.table(first)
    with pytest.raises(AzureError) as caught:
        estate.save(tmp_path / "saved", order)
    assert caught.value.status == alone.value.status == (403 if first == "jobs" else 500)
    assert caught.value.lines()[0] == alone.value.lines()[0]
    assert not (tmp_path / "saved").exists()
    assert estate.kept.of(order[0]), "what came before it stays"


def test_whose_ids_cannot_be_read_cannot_be_read_either(estate: Estate, wire: Wire, tmp_path: Path) -> None:
    goes_wrong(wire, Mishap("forbidden", text="backupvaults'"))
    loaded = Estate.load(estate.save(tmp_path, ["vaults", "policies", "disks", "deleted_instances"], partial=True))
    assert {"vaults", "deleted_instances"} <= {*loaded.source.refused} and loaded.has("disks")


def test_an_incomplete_answer_is_no_refusal(tmp_path: Path) -> None:
    lacking = answer("vaults", [{"id": "/a", "name": "a"}])
    lacking[4]["totalRecords"] = 2
    estate, _ = opened([lacking])
    with pytest.raises(IncompleteAnswer, match="says there are 2 rows, and gave 1"):
        estate.save(tmp_path / "saved", ["vaults", "policies"], partial=True)


def test_a_network_that_stays_down_is_told_once(estate: Estate, wire: Wire, tmp_path: Path) -> None:
    goes_wrong(wire, Mishap("reset"))
    with pytest.raises(ConnectionFailed):
        estate.save(tmp_path / "saved", NAMES, partial=True)
    goes_wrong(wire)
    assert not ahead(estate, whole(estate, "vaults", "disks"))


def test_after_ctrl_c_only_what_had_not_come_is_read(estate: Estate, wire: Wire) -> None:
    names = ["vaults", "policies", "instances", "disks", "exemptions", "jobs"]
    with pytest.raises(KeyboardInterrupt):
        for count, _ in enumerate(each(estate, whole(estate, *names))):
            if count == 2:
                raise KeyboardInterrupt
    there = {one.known.name for one in estate.kept.tables}
    assert len(there) == 3
    wire.sent.clear()
    assert not ahead(estate, whole(estate, *names))
    assert queries(wire) == 3
    for name in names:
        assert len(estate.table(name)) == len(Estate(estate.source, estate.now, estate.window).table(name))


def test_ctrl_c_while_it_is_waited_leaves_the_connection_as_it_was(estate: Estate, wire: Wire, heard: Heard) -> None:
    names = ["vaults", "policies", "instances", "disks", "exemptions", "jobs"]
    stage = heard.stage

    def stop(text: str) -> None:
        stage(text)
        if "2 pages" in text:
            raise KeyboardInterrupt

    heard.stage = stop  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        ahead(estate, whole(estate, *names))
    heard.stage = stage  # type: ignore[method-assign]
    assert not ahead(estate, whole(estate, *names))
    assert {one.known.name for one in estate.kept.tables} == {*names}


def test_one_line_of_progress_for_all(estate: Estate, heard: Heard) -> None:
    assert not ahead(estate, whole(estate, "vaults", "policies", "disks"))
    rows = sum(len(estate.table(name)) for name in ("vaults", "policies", "disks"))
    assert heard.stages[-1].startswith(f"Resource Graph: 3 pages, {rows} rows")


def test_tables_that_are_there_are_given_one_after_another() -> None:
    given = {"vaults": pandas.DataFrame({"id": ["a"]}), "disks": pandas.DataFrame({"id": ["d"]})}
    estate = Estate.of(given, now="2026-03-01")
    found = list(each(estate, whole(estate, "disks", "vaults"), keep=False))
    assert [number for number, _ in found] == [0, 1] and not estate.kept.tables
    with pytest.raises(InvalidArgument, match="there is no table 'jobs' here"):
        ahead(estate, whole(estate, "disks", "jobs"))

"""Every analysis gives the same frame wherever the tables come from, and an answer without rows where there is nothing.

Asked live of all subscriptions at once, of one at a time, from saved tables, and from tables put together in any order.
"""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from typing import Any

import pandas
import pytest

import dpmagic
from dpmagic.errors import AzureError
from dpmagic.estate import Estate
from dpmagic.estate.columns import tables
from dpmagic.estate.completeness import Scope
from dpmagic.estate.grouped import grouped
from dpmagic.estate.live import Live
from dpmagic.estate.reading import LARGE
from dpmagic.graph import scope
from dpmagic.progress import Silent
from dpmagic.sandbox import Sandbox
from tests.wire import Wire

ANALYSES = sorted(name for name, module in dpmagic._PUBLIC.items() if module.startswith("dpmagic.analysis."))
ONE_ARGUMENT = [
    name
    for name in ANALYSES
    if name not in ("forecast", "read_exports")  # of figures and files, not of an estate
    and sum(one.default is one.empty for one in inspect.signature(getattr(dpmagic, name)).parameters.values()) == 1
]

_POLICIES = {
    "often": {"every": "PT6H", "start": "2024-01-01T01:00:00Z", "keep": "P4D", "daily": "P6D", "weekly": "P28D"},
    "nightly": {"every": "P1D", "start": "2024-01-01T22:00:00", "timeZone": "W. Europe Standard Time", "keep": "P7D"},
}
_DEFECTS: dict[str, dict[str, Any]] = {
    "fails": {"kind": "failed", "at": "-2d", "runs": 50, "code": "UserErrorDESKeyVaultKeyDisabled"},
    "failed": {"kind": "failed", "at": "-7d", "runs": 2, "code": "InternalServerError"},
    "missed": {"kind": "missed", "at": "-5d", "runs": 2},
    "late": {"kind": "late", "at": "-4d", "by": "3h", "runs": 1},
    "hangs": {"kind": "stuck", "at": "-30h"},
    "long": {"kind": "long", "at": "-6d", "lasts": "5h"},
    "slower": {"kind": "drift", "at": "-13d", "slope": "90s"},
    "stopped": {"kind": "stopped", "at": "-3d"},
    "erring": {"kind": "inError", "at": "-3d", "code": "UserErrorSnapshotRGNotFound"},
    "deleted": {"kind": "softDeleted", "at": "-3d"},
    "gone": {"kind": "diskDeleted", "at": "-3d"},
    "moved": {"kind": "policyChanged", "at": "-5d", "policy": "nightly"},
    "lingers": {"kind": "lingering", "at": "-12d", "by": "P2D"},
    "lost": {"kind": "snapshotDeleted", "at": "-3d", "which": 1},
    "orphaned": {"kind": "orphanSnapshots", "at": "-13d", "count": 2},
    "full": {"kind": "snapshotCount", "at": "-1d", "count": 490},
    "spare": {"kind": "exempt", "at": "-9d", "expires": "+30d", "reason": "scratch"},
}
SPEC: dict[str, Any] = {
    "seed": 11,
    "end": "2026-03-31T08:00:00Z",  # summer time has begun two days ago
    "days": 16,
    "policies": _POLICIES,
    "subscriptions": [
        {
            "name": "One",
            "vaults": {"v": {"policies": ["often", "nightly"], "softDelete": "On"}},
            "disks": [{"name": name, "vault": "v", "policy": "often"} for name in _DEFECTS if name != "spare"]
            + [{"name": "spare"}, {"name": "vm", "count": 2, "perVm": 2, "vmBackup": "rsv", "excludeLuns": [1]}],
        },
        {
            "name": "Two",
            "vaults": {"w": {"policies": ["nightly"], "redundancy": "LocallyRedundant"}},
            "disks": [{"name": "Größe-東京", "count": 2, "vault": "w", "policy": "nightly"}, {"name": "bare"}],
        },
        {"name": "None"},
        {"name": "Hidden", "readable": False, "disks": [{"name": "h", "vault": "Two/w", "policy": "nightly"}]},
    ],
    "plant": [{"disks": name, **defect} for name, defect in _DEFECTS.items()],
}
# These have a row for each of a table's, in its order.
AS_THEY_COME = ("exclusions", "latest_points", "rpo", "rpo_targets")
# These need one small table at most, or those of another here.
_READ_ALONE = (
    "concurrency", "control_members", "duration_outliers", "duration_trend", "durations", "exclusions", "failures",
    "long_running", "posture", "recoveries", "restore_evidence", "simulate", "success_rate",
)  # fmt: skip
# What `findings` collects.
COLLECTED = (
    "coverage_gaps", "orphan_instances", "orphan_snapshots", "posture", "retention", "snapshot_headroom", "triage",
)  # fmt: skip


def opened(wire: Wire) -> Estate:
    """The estate at its last instant, of which nothing has been read."""
    planted = wire.sandbox.planted()
    hidden = [one for found in planted if found["kind"] == "unreadable" for one in found["ids"]]
    return dpmagic.open(connection=wire.connection(), expected=[*wire.sandbox.subscriptions, *hidden])


@pytest.fixture(scope="module")
def live() -> Estate:
    made = opened(Wire(Sandbox(estate=SPEC)))
    for name in tables():
        made.table(name)
    return made


@pytest.fixture(scope="module")
def saved(live: Estate, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    return Estate.load(live.save(tmp_path_factory.mktemp("saved") / "estate"))


@pytest.fixture(scope="module")
def one_by_one() -> Estate:
    """A request names one subscription at most."""
    wire, named = Wire(Sandbox(estate=SPEC)), set[int]()
    made = opened(wire)
    wire.before = lambda request: named.add(len(asked_of(request))) if request.method == "POST" else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scope, "SUBSCRIPTIONS", 1)
        for name in tables():
            made.table(name)
    assert named == {1}
    return made


def asked_of(request: Any) -> list[str]:
    found: list[str] = json.loads(request.content)["subscriptions"]
    return found


@pytest.fixture(scope="module")
def in_pieces(saved: Estate) -> Estate:
    """Tables of two halves, the later one first, each in an order of its own."""
    wider = saved.over((saved.window.start, saved.now + pandas.Timedelta("1us").to_pytimedelta()))
    whole = {name: wider.table(name).sample(frac=1, random_state=7) for name in tables()}
    halves = {name: [rows.iloc[len(rows) // 2 :], rows.iloc[: len(rows) // 2]] for name, rows in whole.items()}
    given = {name: pandas.concat(parts, ignore_index=True) for name, parts in halves.items()}
    for name, rows in given.items():
        rows.attrs = whole[name].attrs
    return Estate.of(given, now=saved.now, window=saved.window)


class Answers:
    """The answers of analyses over an estate, each asked for once."""

    def __init__(self, estate: Estate) -> None:
        self._estate, self._known = estate, dict[str, pandas.DataFrame]()

    def __getitem__(self, name: str) -> pandas.DataFrame:
        if name not in self._known:
            analysis = getattr(import_module(dpmagic._PUBLIC[name]), name)
            told = {"answers": {other: self[other] for other in COLLECTED}} if name == "findings" else {}
            self._known[name] = analysis(self._estate, **told)
        return self._known[name]


@pytest.fixture(scope="module")
def little() -> Estate:
    return opened(Wire(Sandbox(estate=SPEC)))


@pytest.fixture(scope="module")
def wanted(live: Estate) -> Answers:
    return Answers(live)


@pytest.fixture(scope="module")
def elsewhere(saved: Estate, one_by_one: Estate, in_pieces: Estate) -> dict[str, Answers]:
    return {"saved": Answers(saved), "one by one": Answers(one_by_one), "in pieces": Answers(in_pieces)}


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_the_answer_is_the_same(name: str, wanted: Answers, elsewhere: dict[str, Answers]) -> None:
    here = wanted[name]
    assert len(here), "something to compare"
    for place, answers in elsewhere.items():
        found = answers[name]
        if place == "in pieces" and name in AS_THEY_COME:
            found = found.set_index("id").loc[here["id"]].reset_index()[list(here.columns)]
        pandas.testing.assert_frame_equal(found, here)
        assert found.attrs["dpmagic"]["notes"] == here.attrs["dpmagic"]["notes"]
        assert found.attrs["dpmagic"]["window"] == here.attrs["dpmagic"]["window"]


@pytest.mark.parametrize("name", ["rpo", "triage", "coverage_gaps", "orphan_instances"])
def test_the_answer_is_the_same_without_the_whole_table(little: Estate, name: str, wanted: Answers) -> None:
    """Where nothing was read before, no more is asked for than a question takes."""
    estate = Estate(little.source, little.now, little.window)
    found, here = Answers(estate)[name], wanted[name]
    pandas.testing.assert_frame_equal(found, here)
    assert found.attrs["dpmagic"]["notes"] == here.attrs["dpmagic"]["notes"]
    told = found.attrs["dpmagic"]["tables"]
    assert 0 < told["snapshots"]["rows"] < 25
    assert told.get("changes", {"rows": 1})["rows"] == 1


@pytest.mark.parametrize("name", ["rpo_targets", "coverage_gaps"])
def test_the_answer_is_the_same_from_the_jobs_that_tell(
    little: Estate, name: str, wanted: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dpmagic.estate.plan.MOST_SECONDS", 0.1)
    found = Answers(Estate(little.source, little.now, little.window))[name]
    pandas.testing.assert_frame_equal(found, wanted[name])
    assert 0 < found.attrs["dpmagic"]["tables"]["jobs"]["rows"] < 25


@pytest.mark.parametrize("name", ["retention_points", "orphan_snapshots"])
def test_the_answer_is_the_same_from_snapshots_by_disk(
    little: Estate, name: str, wanted: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dpmagic.estate.packing.MOST_SECONDS", 0.1)
    found = Answers(Estate(little.source, little.now, little.window))[name]
    pandas.testing.assert_frame_equal(found, wanted[name])
    told = found.attrs["dpmagic"]["tables"]["snapshots"]
    assert told["notes"] == ["asked for by disk, in 1 answers"]


@pytest.mark.parametrize("how", ["refused", "cut"])
@pytest.mark.parametrize(
    ("name", "grouping", "limit", "parts"),
    [
        ("retention_points", "dpmagic.estate.packing", "dpmagic.estate.packing", "rest"),
        ("orphan_instances", "dpmagic.analysis.backups.recent", "dpmagic.estate.plan", "lengths"),
    ],
)
def test_what_cannot_be_grouped_comes_as_rows(
    little: Estate,
    wanted: Answers,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    grouping: str,
    limit: str,
    parts: str,
    how: str,
) -> None:
    def worse(*args: Any) -> Any:
        found, asked = grouped(*args)
        if how == "refused":
            raise AzureError("ResponsePayloadTooLarge", "too much", status=400)
        return found.assign(**{parts: found[parts].map(lambda all_of_them: all_of_them[1:])}), asked

    monkeypatch.setattr(f"{limit}.MOST_SECONDS", 0.1)
    monkeypatch.setattr(f"{grouping}.grouped", worse)
    found = Answers(Estate(little.source, little.now, little.window))[name]
    pandas.testing.assert_frame_equal(found, wanted[name])
    told = found.attrs["dpmagic"]
    if name == "retention_points":
        assert told["tables"]["snapshots"]["notes"] == []
    else:
        assert told["notes"][0].startswith("from rows: Resource Graph")


@pytest.fixture(scope="module")
def nothing(live: Estate) -> Answers:
    """Those over a subscription in which there is nothing."""
    empty = dpmagic.open(connection=live.source.connection, subscriptions="None")
    return Answers(Estate(empty.source, live.now, live.window))


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_nothing_has_an_answer(nothing: Answers, wanted: Answers, name: str) -> None:
    empty, full = nothing[name], wanted[name]
    assert list(empty.columns) == list(full.columns)
    assert empty.attrs["dpmagic"]["window"] == full.attrs["dpmagic"]["window"]
    assert len(empty) <= 1 or name == "controls"  # one row where it is a sum, and one for each control
    other = {column: (str(empty[column].dtype), str(full[column].dtype)) for column in full}
    assert {column: pair for column, pair in other.items() if pair[0] != pair[1] and "object" not in pair} == {}


@pytest.mark.parametrize("name", ["coverage", "durations", "findings", "orphan_instances", "retention", "rpo"])
def test_where_nobody_can_read_anything_nothing_is_asked(live: Estate, name: str) -> None:
    source = live.source
    assert isinstance(source, Live)
    blind = Live(source.connection, Scope(["99999999-9999-4999-8999-999999999999"]), Silent())
    found = Answers(Estate(blind, live.now, live.window))[name]
    assert len(found) == (name == "coverage")
    assert found.attrs["dpmagic"]["subscriptions"]["unreadable"] == list(blind.scope.asked)


def test_what_never_happened_is_an_answer() -> None:
    """Of more instances than a byte counts none failed, and of two no job is in the window that names their policy."""
    policies = {**_POLICIES, "weekly": {"every": "P1W", "start": "2024-01-07T04:00:00Z", "keep": "P3M"}}
    disks = [
        {"name": "w", "count": 130, "vault": "v", "policy": "weekly"},
        {"name": "off", "count": 2, "vault": "v", "policy": "nightly"},
    ]
    one = {"name": "One", "vaults": {"v": {"policies": [*policies]}}, "disks": disks}
    ended = {"kind": "stopped", "disks": ["off-001", "off-002"], "at": "-16d"}
    made = opened(Wire(Sandbox(estate={"days": 22, "policies": policies, "subscriptions": [one], "plant": [ended]})))
    answers = Answers(made)
    assert answers["triage"].empty and answers["triage"].attrs["dpmagic"]["instances"] == 130
    kept = answers["retention"].set_index("name")
    assert kept.loc["off-001", ["policyName", "held"]].tolist() == ["nightly", 6]  # of as many nights
    assert set(answers["findings"]["name"]) >= {"off-001", "off-002"}


@pytest.mark.parametrize("name", [name for name in ONE_ARGUMENT if name not in _READ_ALONE])
def test_what_is_read_at_once_is_what_the_question_takes(
    saved: Estate, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """No table is read ahead that is not asked for, and none with more columns: found out where it is free."""
    ahead, taken = set[str](), dict[str, list[Any]]()
    estate = Estate(saved.source, saved.now, saved.window)
    table = saved.source.table

    def noted(of: str, now: Any, window: Any, columns: Any = None) -> pandas.DataFrame:
        taken.setdefault(of, []).append(columns)
        return table(of, now, window, columns)

    monkeypatch.setattr(saved.source, "table", noted)
    monkeypatch.setattr("dpmagic.estate.reading.read_needed", lambda _, names: ahead.update({*names} - {*LARGE}))
    monkeypatch.setattr("dpmagic.analysis.protection.assessment.read_needed", lambda _, names: ahead.update(names))
    getattr(dpmagic, name)(estate)
    assert ahead and all(None in taken.get(one, ()) for one in ahead - {*LARGE})

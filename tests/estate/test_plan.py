"""What a plan says is what is then asked: requests counted on the wire, rows as they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dpmagic
from dpmagic.connection import Connection, connect_sandbox
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from dpmagic.estate.opening import open_live


@pytest.fixture(scope="module")
def own() -> Connection:
    return connect_sandbox(estate="default")


def sent(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes over the wire from here on."""
    urls: list[str] = []
    send = connection.transport.send

    def noted(request: Any, **options: Any) -> Any:
        urls.append(request.url)
        return send(request, **options)

    monkeypatch.setattr(connection.transport, "send", noted)
    return urls


QUESTIONS: list[tuple[str, Callable[[Estate], Any]]] = [
    ("durations from rows", lambda estate: dpmagic.durations(estate, method="rows")),
    ("durations from buckets", lambda estate: dpmagic.durations(estate, "datasource", method="buckets")),
    ("long_running", dpmagic.long_running),
    ("missed_runs", dpmagic.missed_runs),
    ("rpo", dpmagic.rpo),
    ("rpo of a week", lambda estate: dpmagic.rpo(estate.over("7d"))),
    ("triage", dpmagic.triage),
    ("coverage", dpmagic.coverage),
    ("findings", dpmagic.findings),
    ("an own query", lambda estate: estate.query("jobs | where status == $it", it="Completed")),
    ("one in no order", lambda estate: estate.query("jobs | project id, status")),
    ("a grouped one", lambda estate: estate.query("jobs | summarize n = count() by vaultId")),
    ("tables", lambda estate: [estate.disks(), estate.policies(), estate.disks()]),
]


@pytest.mark.parametrize(("name", "question"), QUESTIONS)
def test_as_many_requests_as_planned(
    own: Connection, monkeypatch: pytest.MonkeyPatch, name: str, question: Any
) -> None:
    estate = open_live(own)
    plan = estate.plan(question)
    urls = sent(own, monkeypatch)
    question(estate)
    graph = [url for url in urls if "Microsoft.ResourceGraph" in url]
    planned = sum(part.requests for part in plan.parts if part.service == "graph")
    # What coverage reads depends a little on what it finds.
    assert planned == pytest.approx(len(graph), rel=0.1 if name in ("coverage", "findings") else 0)
    assert plan.seconds == pytest.approx(planned / 3)
    assert plan.counted > 0 and plan.memory > 0


@pytest.mark.parametrize("question", [dpmagic.rpo_targets, dpmagic.retention])
def test_what_is_grouped_at_the_source_is_planned(
    own: Connection, monkeypatch: pytest.MonkeyPatch, question: Any
) -> None:
    for name in ("plan", "packing"):
        monkeypatch.setattr(f"dpmagic.estate.{name}.MOST_SECONDS", 0.1)
    estate = open_live(own)
    plan = estate.plan(question)
    urls = sent(own, monkeypatch)
    question(estate)
    assert plan.requests == len([url for url in urls if "Microsoft.ResourceGraph" in url])
    assert "grouped" in set(plan.frame["what"])


@pytest.mark.parametrize(
    "question",
    [
        dpmagic.triage, dpmagic.rpo, dpmagic.retention, dpmagic.findings, dpmagic.controls,
        lambda estate: dpmagic.rpo(estate.over("7d")),
    ],
)  # fmt: skip
def test_no_large_table_is_read_twice(own: Connection, monkeypatch: pytest.MonkeyPatch, question: Any) -> None:
    estate = open_live(own)
    read: list[str] = []
    several = estate.source.several  # type: ignore[attr-defined]

    def noted(wanted: Any, *args: Any) -> Any:  # one table is several, too
        read.extend(one.name for one in wanted if one.excerpt is None)
        return several(wanted, *args)

    monkeypatch.setattr(estate.source, "several", noted)
    question(estate)
    assert [read.count(name) for name in ("jobs", "snapshots") if name in read] in ([1], [1, 1])


def test_rows_are_those_that_come(own: Connection) -> None:
    estate = open_live(own)
    plan = estate.plan(["jobs", "instances", "disks"])
    assert dict(zip(plan.frame["what"], plan.frame["rows"], strict=True)) == {
        name: len(estate.table(name)) for name in ("jobs", "instances", "disks")
    }
    assert str(plan).startswith(f"{plan.requests} requests for {plan.rows:,} rows (jobs, instances, disks):")


def test_what_was_read_costs_nothing(own: Connection, tmp_path: Path) -> None:
    estate = open_live(own)
    estate.disks()
    assert not estate.plan("disks").parts
    assert "at hand" in str(estate.plan("disks"))
    saved = Estate.load(estate.save(tmp_path / "saved", ["jobs", "disks"]))
    assert not saved.plan(dpmagic.durations).requests


def test_a_call_for_each_instance(own: Connection) -> None:
    estate = open_live(own)
    [part] = estate.plan("recovery_points").parts
    assert (part.service, part.requests) == ("arm", len(estate.instances()))
    assert estate.plan("recovery_points").seconds == 0


def test_an_unknown_table_is_refused(own: Connection) -> None:
    with pytest.raises(InvalidArgument, match="job") as caught:
        open_live(own).plan("job")
    assert "jobs" in caught.value.hint

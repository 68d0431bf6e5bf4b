"""States stored as changes give back what was there, at every instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from dpmagic.archive.deltas import as_of, changes, folded, unknown, widened

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SCHEMA = pyarrow.schema([("id", "string"), ("subscriptionId", "string"), ("state", "string"), ("size", "int64")])


def table(*rows: tuple[Any, ...]) -> pyarrow.Table:
    return pyarrow.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


def values(rows: pyarrow.Table) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows.select(SCHEMA.names).to_pylist()]


def test_only_what_changed_is_stored() -> None:
    before = table(("a", "s", "On", 1), ("b", "s", "On", None), ("c", "s", "On", 3))
    after = table(("A", "s", "On", 1), ("b", "s", "On", None), ("c", "s", "Off", 3), ("d", "s", "On", 4))
    moved, there = changes(before, after, NOW, None)
    assert values(moved) == [("A", "s", "On", 1), ("c", "s", "Off", 3), ("d", "s", "On", 4)]
    assert values(there) == values(after)
    assert not any(moved["gone"].to_pylist())
    assert set(moved["asOf"].to_pylist()) == {NOW}


def test_what_cannot_be_read_is_not_gone() -> None:
    before = table(("a", "S1", "On", 1), ("b", "s2", "On", 2))
    moved, there = changes(before, table(), NOW, ["s1"])
    assert values(moved) == [("a", "S1", None, None)]
    assert moved["gone"].to_pylist() == [True]
    assert values(there) == [("b", "s2", "On", 2)]


def test_an_older_set_of_columns_is_widened() -> None:
    old = pyarrow.table({"id": ["a"], "subscriptionId": ["s"], "gone before": [1]})
    assert values(widened(old, SCHEMA)) == [("a", "s", None, None)]
    moved, _ = changes(old, table(("a", "s", None, None)), NOW, None)
    assert moved.num_rows == 0


def test_rows_known_and_rows_with_another_value() -> None:
    known = table(("a", "s", "Failed", 1), ("b", "s", "Completed", 2))
    new, other = unknown(table(("A", "s", "Completed", 1), ("b", "s", "Completed", 2), ("c", "s", "x", 3)), known)
    assert values(new) == [("c", "s", "x", 3)]
    assert values(other) == [("A", "s", "Completed", 1)]


def test_the_disks_of_a_machine_share_its_id_and_are_told_apart() -> None:
    schema = pyarrow.schema([("id", "string"), ("subscriptionId", "string"), ("lun", "int64"), ("diskId", "string")])

    def disks(*rows: tuple[int | None, str]) -> pyarrow.Table:
        told = [{"id": "/vm", "subscriptionId": "s", "lun": lun, "diskId": disk} for lun, disk in rows]
        return pyarrow.Table.from_pylist(told, schema=schema)

    before, after = disks((None, "/os"), (0, "/a"), (1, "/b")), disks((None, "/os"), (1, "/c"))
    moved, there = changes(before, after, NOW, None)
    assert moved.select(["lun", "diskId", "gone"]).to_pylist() == [
        {"lun": 0, "diskId": None, "gone": True},
        {"lun": 1, "diskId": "/c", "gone": False},
    ]
    assert there.equals(after)
    assert as_of(before, moved).equals(after)


def test_what_lies_in_no_subscription_is_gone_where_that_can_be_known() -> None:
    before = table(("a", "", "On", 1), ("b", None, "On", 2), ("c", "s1", "On", 3))
    assert values(changes(before, table(), NOW, ["S1"])[1]) == values(before)[:2]
    assert changes(before, table(), NOW, ["S1", ""])[1].num_rows == 0


def test_a_row_that_is_there_twice_is_stored_once() -> None:
    new, other = unknown(table(("a", "s", "x", 1), ("A", "s", "x", 1), ("b", "s", "y", 2), ("b", "s", "y", 2)), table())
    assert (values(new), values(other)) == ([("a", "s", "x", 1), ("b", "s", "y", 2)], [])


LOOKS = some.lists(
    some.dictionaries(some.sampled_from("abcdef"), some.tuples(some.sampled_from(["On", "Off"]), some.integers(0, 2))),
    min_size=1,
    max_size=6,
)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(LOOKS)
def test_every_look_can_be_had_again(looks: list[dict[str, tuple[str, int]]]) -> None:
    tables = [table(*((name, "s", *value) for name, value in sorted(look.items()))) for look in looks]
    latest, stored = tables[0], []
    for number, after in enumerate(tables[1:], 1):
        moved, latest = changes(latest, after, NOW + timedelta(days=number), None)
        stored.append(moved)
    nothing = changes(table(), table(), NOW, None)[0]
    for number, look in enumerate(tables):
        later = pyarrow.concat_tables([nothing, *stored[:number]])
        assert values(as_of(tables[0], later)) == values(look)
    for pieces in ([[*stored]], [stored[:3], stored[3:]]):
        files = [folded(pyarrow.concat_tables([nothing, *piece])) for piece in pieces]
        for number, look in enumerate(tables):
            whole, since = tables[number // 2], NOW + timedelta(days=number // 2)
            later = pyarrow.concat_tables(files)
            assert values(as_of(whole, later, since, NOW + timedelta(days=number))) == values(look)

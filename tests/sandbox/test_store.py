"""The store's index of who protects what, against a scan of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dpmagic.sandbox.store import Store

NAMES = st.sampled_from(["a", "B", "b", "c"])
DATASOURCES = st.sampled_from(["/Disk/x", "/disk/X", "y"])
STEPS = st.lists(st.tuples(st.sampled_from(["put", "drop"]), NAMES, NAMES, DATASOURCES))


def document(name: str, datasource: str) -> dict[str, Any]:
    return {"name": name, "properties": {"dataSourceInfo": {"resourceID": datasource}}}


def scanned(store: Store, datasource: str) -> list[dict[str, Any]]:
    return [
        found
        for found in store.below("instance")
        if found["properties"]["dataSourceInfo"]["resourceID"].lower() == datasource.lower()
    ]


@given(STEPS)
def test_the_index_agrees_with_a_scan(steps: list[tuple[str, str, str, str]]) -> None:
    store = Store()
    for verb, parent, name, datasource in steps:
        if verb == "put":
            store.put("instance", parent, name, document(name, datasource))
        else:
            store.drop("instance", parent, name)
        for asked in ("/disk/x", "Y", "none"):
            assert store.protecting("instance", asked) == scanned(store, asked)
            assert store.protecting("deletedInstance", asked) == []


def test_the_index_is_there_again_after_loading(tmp_path: Path) -> None:
    store = Store(tmp_path / "state")
    store.put("instance", "v", "bi", document("bi", "/disk/x"))
    store.close()
    again = Store(tmp_path / "state")
    assert again.protecting("instance", "/DISK/X") == [document("bi", "/disk/x")]
    again.close()

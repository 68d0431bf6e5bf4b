"""Sandboxes' estates with all of their tables: asked for once in a run of the tests, kept in a folder of the run's.

Whoever needs one first reads it and saves it, while other processes that want the same wait. What is loaded is what was
read: that analyses answer alike from both is what `test_every_analysis` shows.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path

from filelock import FileLock

import dpmagic
from dpmagic.estate import Estate
from dpmagic.estate.columns import tables
from tests.analysis import raw

#: The folder of the run, the same for all of its processes; set by the fixtures' module.
STORE: list[Path] = []


@lru_cache(maxsize=raw.KEPT)
def estate(name: str) -> Estate:
    """The estate of `raw.connection`, asked for all of its subscriptions, those out of sight among them."""
    return Estate.load(_kept(name) / "estate")


@lru_cache(maxsize=5 * raw.KEPT)
def records(name: str, kind: str) -> list[raw.Record]:
    """The raw records of a type, read right after the tables."""
    found: list[raw.Record] = json.loads((_kept(name) / _file(kind)).read_bytes())
    return found


def _file(kind: str) -> str:
    return f"{kind.rpartition('/')[2]}.json"


@cache
def read_until(name: str) -> datetime:
    """What time it was in the sandbox when all tables of an estate had been read: a little after its ``now``."""
    return datetime.fromisoformat(json.loads((_kept(name) / "until.json").read_bytes()))


def _kept(name: str) -> Path:
    [store] = STORE
    folder = store / name
    store.mkdir(parents=True, exist_ok=True)
    with FileLock(store / f"{name}.lock"):
        if not folder.is_dir():
            draft = store / f"{name}.draft"
            _read(name, draft)
            draft.rename(folder)
    return folder


def _read(name: str, folder: Path) -> None:
    hidden = [one for found in raw.planted(name) if found["kind"] == "unreadable" for one in found["ids"]]
    asked = raw.connection(name)
    made = dpmagic.open(connection=asked, expected=[*asked.sandbox.subscriptions, *hidden])
    made.deleted_instances()  # first, for those at the end of their soft delete
    made.save(folder / "estate", tables())
    for kind in (raw.JOBS, raw.INSTANCES, raw.POLICIES, raw.SNAPSHOTS, raw.DISKS):
        (folder / _file(kind)).write_text(json.dumps(raw.records(name, kind)))
    (folder / "until.json").write_text(json.dumps(asked.now().isoformat()))

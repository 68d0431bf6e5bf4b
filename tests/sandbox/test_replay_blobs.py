"""Recorded exchanges of blobs replayed: restores to an instant, and moving to another policy."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from .recordings import cassette
from .replaying import euap, protected_blobs, replay


@pytest.mark.parametrize("name", ["restore_blob", "restore_blob_point_in_time"])
def test_blobs_restored(name: str) -> None:
    client = euap(start=datetime(2024, 3, 1, tzinfo=UTC))
    protected_blobs(client)
    client.sandbox.sleep(120 * 86_400)
    requests = cassette(f"test_dataprotection_backup_instance_{name}")
    assert [r["path"].rpartition("/")[2] for r in requests].count("restore") == 1
    assert replay(client, requests) == len(requests) > 8


def test_update_policy() -> None:
    client = euap()
    protected_blobs(client)
    requests = cassette("test_dataprotection_backup_instance_update_policy")
    assert replay(client, requests) == len(requests) == 11

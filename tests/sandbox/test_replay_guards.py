"""Recorded exchanges of resource guards and of vaults' mappings to them replayed."""

from __future__ import annotations

from .recordings import cassette
from .replaying import euap, replay

GROUP = "clitest-dpp-resourceguard-000001"


def test_guard_created_listed_and_deleted() -> None:
    requests = cassette("test_dataprotection_resource_guard_create_and_delete")[1:]  # the first reads the group
    assert replay(euap([GROUP]), requests) == len(requests) == 4


def test_mapping_created_unlocked_and_deleted() -> None:
    requests = [r for r in cassette("test_dataprotection_resource_guard_mapping") if "/providers/" in r["path"]]
    assert [r["path"].rpartition("/")[2] for r in requests].count("unlockDelete") == 1
    assert replay(euap([GROUP]), requests) == len(requests) == 9


def test_guard_of_2022() -> None:
    """An older shape, with fewer operations to protect: statuses and headers."""
    requests = [r for r in cassette("test_dataprotection_Scenario@f128de53f") if "/resourceGuards" in r["path"]]
    assert replay(euap(["owneralias-rg"]), requests, shapes=False) == len(requests) == 6
